"""Names of exit statuses, and those that our processes exit with.

Source: systemd.exec(5) "Process exit codes", `systemd-analyze exit-status`. Import-light: supervisors use it.
"""

from __future__ import annotations

EXIT_SUCCESS = 0
EXIT_NOTIMPLEMENTED = 3
EXIT_NOPERMISSION = 4
EXIT_NOTINSTALLED = 5
EXIT_NOTCONFIGURED = 6
EXIT_SOFTWARE = 70
EXIT_CHDIR = 200
EXIT_NICE = 201
EXIT_FDS = 202
EXIT_EXEC = 203
EXIT_LIMITS = 205
EXIT_OOM_ADJUST = 206
EXIT_STDIN = 208
EXIT_STDOUT = 209
EXIT_IOPRIO = 211
EXIT_TIMERSLACK = 212
EXIT_SECUREBITS = 213
EXIT_SETSCHEDULER = 214
EXIT_CPUAFFINITY = 215
EXIT_GROUP = 216
EXIT_USER = 217
EXIT_CAPABILITIES = 218
EXIT_STDERR = 222
EXIT_NAMESPACE = 226
EXIT_NO_NEW_PRIVILEGES = 227
EXIT_SECCOMP = 228
EXIT_PERSONALITY = 230
EXIT_RUNTIME_DIRECTORY = 233
EXIT_CHOWN = 235
EXIT_STATE_DIRECTORY = 238
EXIT_CACHE_DIRECTORY = 239
EXIT_LOGS_DIRECTORY = 240
EXIT_CONFIGURATION_DIRECTORY = 241
EXIT_CREDENTIALS = 243
EXIT_EXCEPTION = 255

# Where a verb asks about the state of a unit, the LSB gives two of these numbers another meaning.
EXIT_NOT_ACTIVE = 3
EXIT_UNKNOWN_UNIT = 4

LIBC, SYSTEMD, LSB, BSD = "libc", "systemd", "LSB", "BSD"
ALL = (LIBC, SYSTEMD, LSB, BSD)

_LIBC = {
    0: "SUCCESS", 1: "FAILURE",
}  # fmt: skip
_LSB = {
    2: "INVALIDARGUMENT", 3: "NOTIMPLEMENTED", 4: "NOPERMISSION", 5: "NOTINSTALLED", 6: "NOTCONFIGURED",
    7: "NOTRUNNING",
}  # fmt: skip
_BSD = {
    64: "USAGE", 65: "DATAERR", 66: "NOINPUT", 67: "NOUSER", 68: "NOHOST", 69: "UNAVAILABLE", 70: "SOFTWARE",
    71: "OSERR", 72: "OSFILE", 73: "CANTCREAT", 74: "IOERR", 75: "TEMPFAIL", 76: "PROTOCOL", 77: "NOPERM",
    78: "CONFIG",
}  # fmt: skip
_SYSTEMD = {
    200: "CHDIR", 201: "NICE", 202: "FDS", 203: "EXEC", 204: "MEMORY", 205: "LIMITS", 206: "OOM_ADJUST",
    207: "SIGNAL_MASK", 208: "STDIN", 209: "STDOUT", 210: "CHROOT", 211: "IOPRIO", 212: "TIMERSLACK",
    213: "SECUREBITS", 214: "SETSCHEDULER", 215: "CPUAFFINITY", 216: "GROUP", 217: "USER", 218: "CAPABILITIES",
    219: "CGROUP", 220: "SETSID", 221: "CONFIRM", 222: "STDERR", 224: "PAM", 225: "NETWORK", 226: "NAMESPACE",
    227: "NO_NEW_PRIVILEGES", 228: "SECCOMP", 229: "SELINUX_CONTEXT", 230: "PERSONALITY", 231: "APPARMOR",
    232: "ADDRESS_FAMILIES", 233: "RUNTIME_DIRECTORY", 235: "CHOWN", 236: "SMACK_PROCESS_LABEL", 237: "KEYRING",
    238: "STATE_DIRECTORY", 239: "CACHE_DIRECTORY", 240: "LOGS_DIRECTORY", 241: "CONFIGURATION_DIRECTORY",
    242: "NUMA_POLICY", 243: "CREDENTIALS", 244: "BPF", 255: "EXCEPTION",
}  # fmt: skip
_TABLES = {LIBC: _LIBC, SYSTEMD: _SYSTEMD, LSB: _LSB, BSD: _BSD}


def name(status: int, classes: tuple[str, ...] = ALL) -> str | None:
    """The name of an exit status ("EXEC" for 203), None if none of the classes has one.

    systemd's log lines use all classes, `systemctl status` only (LIBC, SYSTEMD).
    """
    for which in classes:
        found = _TABLES[which].get(status)
        if found is not None:
            return found
    return None


def number(text: str) -> int | None:
    """The exit status for a name ("TEMPFAIL") or a number from 0 to 255, None for anything else."""
    for table in _TABLES.values():
        for status, known in table.items():
            if known == text:
                return status
    if text.isascii() and text.isdigit() and int(text) <= 255:
        return int(text)
    return None
