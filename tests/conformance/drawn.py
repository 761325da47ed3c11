"""Randomly drawn unit files: every directive that systemd knows, with good, wrong and broken values.

The same seed draws the same files. A file has few settings, so that a difference shows where it comes from.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from systemctl_replacement.unitfile.directives import table as directives

WRONG = Path(__file__).parents[1] / "unit" / "unitfile" / "wrong_values.txt"

ANYTHING = (
    "", "yes", "no", "1", "0", "-1", "7", "077", "0x1f", "10%", "150%", "1.5", "1K", "2G", "infinity", "5", "5min 20s",
    "1000000000000000000000", "4294967295", "4294967296", "/a", "/a/../b", "//a//b/", "a", "b c", "a:b", "a:b:c", "1:2",
    "-/a", "+/a", "-+/a", "/a:/b", "/a:/b:rbind", "~a", "~", ":", "a b \\ c", "\\x41", "\\q", "a\\", "\\", "'", '"',
    "'a b' c", '"a" "b', "a'b", "%", "%%", "%n", "%i", "%z", "%h/x", "%t", "x%nb", "ä", "a\u00a0b", "a\\x0ab", "a\\nb",
    "a\\tb", "$A", "a;b", "a=b", "A=b", "A=%n B='c d'", "none", "all", "null", "auto", "inherit", "default",
    "full", "strict", "private", "root", "nobody", "65534", "nosuchuser", "a.service", "b.target", "t@.service",
    "AF_UNIX", "SIGTERM", "TERM", "9", "64", "999", "/dev/null", "/dev/null rw", "@system-service", "@nosuch", "read",
    "EPERM", "127.0.0.1", "::1/64", "invalid", "xyz", "1 2 3", "1-3", "3-1", "1,2", "0700", "7777", "10000",
)  # fmt: skip

# Values for the directives with these names, or with names that end so.
GOOD: dict[str, tuple[str, ...]] = {
    "Type": ("simple", "exec", "oneshot", "notify", "dbus", "idle", "forking"),
    "Restart": ("always", "on-failure", "on-abnormal", "on-abort", "on-watchdog", "on-success", "no"),
    "KillMode": ("mixed", "process", "none", "control-group"),
    "KillSignal": ("SIGINT", "QUIT", "SIGRTMIN+3", "RTMIN", "RTMAX-1", "2"),
    "Signal": ("SIGUSR1", "HUP", "SIGRTMAX", "1"),
    "NotifyAccess": ("main", "exec", "all"),
    "OOMPolicy": ("continue", "stop", "kill"),
    "Delegate": ("yes", "no", "cpu memory", "pids", "none", "invalid", "cpu invalid", ""),
    "ExecStart": ("/bin/true", "-/bin/true a 'b c'", "@/bin/true a", "+/bin/true", "!!/bin/true", ":/bin/x $A", "true"),
    "ExecStop": ("/bin/true", "-/bin/sh -c 'a; b'", "/bin/a ; /bin/b", "/bin/a \\; b", "/bin/a \\x41"),
    "ExecReload": ("/bin/kill -HUP $MAINPID", "|/bin/true", "/bin/true '\\n'"),
    "Mode": ("0750", "700", "1777", "8", "07777"),
    "UMask": ("0077", "22"),
    "Directory": ("a", "a b", "a:b\\nc", "a:b a:\\x41", ":b", "a::b", "a/b a", "a:b", "a:b:c", "1:2", "x y:z x:w",
                  "a b \\ c", "a\\x20b", "a\\nb", "../a", "/a", "a:b a:c", "'a b'", "%n", "private/a", "b\\:c",
                  "a:b:ro"),
    "DirectoryPreserve": ("yes", "restart"),
    "Level": ("debug", "err", "0", "7", "emerg"),
    "SyslogFacility": ("local7", "daemon", "kern", "15", "12", "23", "24", "127", "128", "0", "local8"),
    "SystemCallErrorNumber": ("EPERM", "EACCES", "1", "077", "0x10", "kill", "4095", "0", "EAGAIN", "EWOULDBLOCK"),
    "SystemCallArchitectures": ("native", "x86 native", "native xyz", "x86-64 x32"),
    "RestrictAddressFamilies": ("AF_UNIX AF_INET", "~AF_PACKET", "none", "xyz", "~xyz", "AF_UNIX xyz", "~none"),
    "RestrictNamespaces": ("user net", "~mnt", "yes", "no", "xyz", "~user user"),
    "RestrictFileSystems": ("ext4 tmpfs", "~proc", "@basic-api", "xyz"),
    "RootImageOptions": ("x", "ro", "root:ro", "usr:ro,dev root:x", "nosuch:ro", "home:", ":ro"),
    "RootHash": ("00112233445566778899aabbccddeeff", "/a"),
    "CapabilityBoundingSet": ("CAP_CHOWN cap_kill", "~CAP_SYS_ADMIN", "12", "~", "CAP_NOSUCH", "all"),
    "AmbientCapabilities": ("CAP_CHOWN", "~CAP_CHOWN", "CAP_KILL CAP_CHOWN"),
    "SecureBits": ("noroot", "keep-caps noroot-locked", "xyz noroot"),
    "Environment": ("A=b", "A=b B=c", "'A=b c'", 'A="b c"', "A=b\\nc", "A", "1A=b", "A=\\q B=c"),
    "EnvironmentFile": ("/a", "-/a", "-%h/a", "/a/*"),
    "PassEnvironment": ("A B", "A 1B", "A=b"),
    "UnsetEnvironment": ("A B=c", "1A"),
    "WorkingDirectory": ("/a", "-/a", "~", "-~"),
    "StandardInput": ("tty", "file:/a", "fd:x", "data", "fd", "tty-force"),
    "StandardOutput": ("file:/a", "append:/a", "truncate:/a", "journal", "syslog", "kmsg+console", "fd:x", "socket"),
    "StandardError": ("file:/a", "append:/a b", "null", "fd"),
    "StandardInputText": ("hello", "a\\nb", "%n", "\\q"),
    "StandardInputData": ("aGVsbG8=", "aGVsbG8", "####"),
    "LogExtraFields": ("A=b", "A=b C=d", "_A=b", "a=b"),
    "LogLevelMax": ("debug", "3"),
    "LogNamespace": ("x", "a/b"),
    "Sec": ("5", "1min 2s", "infinity", "0", "500ms", "1.5h"),
    "NSec": ("5", "1us", "50ms", "100000"),
    "Limit": ("5", "5:10", "10:5", "infinity", "1K", ":5", "5:"),
    "LimitCPU": ("5", "1min", "1s:2h", "infinity"),
    "LimitRTTIME": ("5", "1min", "1s:2h"),
    "LimitNICE": ("5", "+5", "-5", "+1:-3"),
    "User": ("root", "daemon", "nosuch", "1000", "a.b"),
    "Group": ("root", "daemon", "1000"),
    "SupplementaryGroups": ("adm daemon", "1 2"),
    "Nice": ("5", "-20", "19"),
    "OOMScoreAdjust": ("-1000", "500"),
    "CoredumpFilter": ("default", "all", "0x33", "33", "shared-dax elf-headers"),
    "IOSchedulingClass": ("idle", "none", "2", "realtime"),
    "IOSchedulingPriority": ("0", "7"),
    "CPUSchedulingPolicy": ("fifo", "other", "idle", "3"),
    "CPUAffinity": ("0", "0-1", "1,0", "0 1", "numa"),
    "NUMAPolicy": ("bind", "local", "preferred", "interleave"),
    "NUMAMask": ("0", "all"),
    "ProtectSystem": ("full", "strict"),
    "ProtectHome": ("read-only", "tmpfs"),
    "ProtectProc": ("invisible", "ptraceable", "noaccess"),
    "ProcSubset": ("pid",),
    "KeyringMode": ("shared", "private"),
    "Personality": ("x86", "x86-64", "s390"),
    "MountFlags": ("slave", "shared", "private"),
    "Paths": ("/a /b", "-/a", "+/b", "-+/c", "'/a b'", "/a\\x20b", "a"),
    "Directories": ("/a", "-/b"),
    "BindPaths": ("/a", "/a:/b", "-/a:/b:norbind", "/a:/b /c", "/a:/b:rbind:x", "/a\\:b:/c"),
    "BindReadOnlyPaths": ("/a:/b", "/a:/b:norbind"),
    "TemporaryFileSystem": ("/a", "/a:ro", "/a:ro,size=1M /b", "'/a b:ro'"),
    "ExtensionImages": ("/a", "-/a:root:ro", "/a /b", "/a:x"),
    "MountImages": ("/a:/b", "-/a:/b:root:ro", "/a:/b:ro", "/a"),
    "LoadCredential": ("a", "a:/b", "a:b", "a/b:/c"),
    "SetCredential": ("a:b", "a:b\\nc", "a"),
    "ExecSearchPath": ("/a:/b", "/a b", "a"),
    "Status": ("1 2", "SIGTERM 5", "TERM", "DATAERR", "300", "0-5", "200 SIGKILL x"),
    "ExitStatus": ("5", "255", "0"),
    "Action": ("reboot", "exit", "exit-force", "poweroff-immediate", "none", "halt"),
    "JobMode": ("replace", "isolate", "ignore-dependencies", "flush"),
    "CollectMode": ("inactive-or-failed",),
    "Documentation": ("man:a(1)", "https://a.b/c file:/a", "http:x", "a"),
    "Slice": ("a.slice", "a-b.slice", "system.slice", "-.slice"),
    "Memory": ("1G", "50%", "infinity", "1048577", "33.3%"),
    "MemoryLimit": ("1G", "10%"),
    "TasksMax": ("5", "10%", "infinity"),
    "CPUWeight": ("5", "idle", "10000"),
    "CPUShares": ("5", "1024"),
    "CPUQuota": ("20%", "150%", "33.33%"),
    "IOWeight": ("5", "10000"),
    "BlockIOWeight": ("10", "1000"),
    "IODeviceWeight": ("/dev/null 5", "/dev/zero 7"),
    "BandwidthMax": ("/dev/null 5M", "/dev/zero 7M", "/dev/null infinity"),
    "IOPSMax": ("/dev/null 5K",),
    "BlockIODeviceWeight": ("/dev/null 50", "/dev/zero 70"),
    "Bandwidth": ("/dev/null 5M", "/dev/zero 7M"),
    "IODeviceLatencyTargetSec": ("/dev/null 5ms",),
    "DeviceAllow": ("/dev/null rw", "char-pts r", "block-* m", "/dev/zero", "char-1 x", "/a"),
    "DevicePolicy": ("strict", "closed"),
    "DisableControllers": ("cpu memory", "pids cpu"),
    "IPAddressAllow": ("127.0.0.1", "10.0.0.0/8 ::1", "any", "localhost link-local", "10.0.0.1/8"),
    "IPAddressDeny": ("any", "multicast", "x"),
    "ManagedOOM": ("kill", "auto"),
    "ManagedOOMPreference": ("avoid", "omit"),
    "BPFProgram": ("ingress:/a", "egress:b", "connect4:/a"),
    "SocketBind": ("ipv4:tcp:80", "80-90", "any", "ipv6:udp", "tcp", "tcp:5", "0"),
    "RestrictNetworkInterfaces": ("lo eth0", "~lo", "~"),
    "AllowedCPUs": ("0-1", "0 3"),
    "AllowedMemoryNodes": ("0", "0-3"),
    "Requires": ("a.service b.service", "c.target t@.service", "d.mount"),
    "After": ("a.service", "network.target a.socket"),
    "Wants": ("a.service", "%n", "%p-x.service"),
    "RequiresMountsFor": ("/a /b", "/a/b/c", "%t/x"),
    "Condition": ("/a", "!/a", "|/a", "|!/a", "yes", "a b"),
    "Assert": ("/a", "!/a", "|/a"),
    "CPUs": (">= 2", "<1", "= 1", "5"),
    "ListenStream": ("/run/a", "80", "127.0.0.1:80", "[::1]:80", "@a", "vsock:1:2"),
    "ListenDatagram": ("/run/b", "90"),
    "ListenFIFO": ("/run/c",),
    "ListenNetlink": ("kobject-uevent 1", "audit"),
    "ListenMessageQueue": ("/a",),
    "ListenSpecial": ("/dev/null",),
    "BindIPv6Only": ("both", "ipv6-only"),
    "IPTOS": ("low-delay", "throughput", "5"),
    "SocketProtocol": ("udplite", "sctp"),
    "Timestamping": ("us", "ns"),
    "Backlog": ("5", "128"),
    "OnCalendar": ("daily", "Mon *-*-* 10:00", "*:0/5", "2026-01-01"),
    "OnBootSec": ("5min",),
    "PathExists": ("/a", "/a/b"),
    "PathChanged": ("/a",),
    "Unit": ("a.service", "b.target"),
    "Options": ("ro,noatime", "bind"),
    "What": ("/dev/sda1", "tmpfs", "a b"),
    "Description": ("a b", "%n ä", "a\\nb"),
    "SystemCallFilter": ("read", "nosuch", "~nosuch", "read:EPERM", "read nosuch write"),
}  # fmt: skip

SECTIONS = {
    "service": "Service", "socket": "Socket", "timer": "Timer", "path": "Path", "mount": "Mount", "swap": "Swap",
    "automount": "Automount", "slice": "Slice", "target": "",
}  # fmt: skip
TYPES = (*["service"] * 12, "socket", "socket", "timer", "path", "mount", "swap", "automount", "slice", "target")

# What a unit of each type needs to be loaded at all.
_NEEDED = {
    "service": ("Service", "ExecStart=/bin/true"), "socket": ("Socket", "ListenStream=/run/drawn"),
    "timer": ("Timer", "OnBootSec=1h"), "path": ("Path", "PathExists=/nowhere"), "mount": ("Mount", "What=/dev/null"),
    "swap": ("Swap", "What=/dev/null"), "automount": ("Automount", "DirectoryMode=0700"),
}  # fmt: skip


class Drawer:
    """Draws unit files; `seed` says which."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._wrong: dict[str, list[str]] = {}
        for line in WRONG.read_text(encoding="utf-8").splitlines():
            _, _, setting = line.partition("|")
            key, equals, value = setting.partition("=")
            if equals:
                self._wrong.setdefault(key, []).append(value)
        self._keys = {
            section: [name for name, row in directives.section_table(section).items() if row.since <= 252]
            for section in {"Unit", *SECTIONS.values()} - {""}
        }

    def units(self, count: int) -> Iterator[tuple[str, str]]:
        """(name, text) of this many units."""
        for number in range(count):
            kind = self._random.choice(TYPES)
            instance = self._random.random() < 0.1 and kind in ("service", "socket", "timer", "path")
            name = f"drawn{number:05}{'@x-y' if instance else ''}.{kind}"
            yield name, self._text(kind)

    def _text(self, kind: str) -> str:
        section, needed = _NEEDED.get(kind, ("", ""))
        lines = [f"[{section}]", needed] if section else []
        if kind == "swap":
            lines = [f"[{section}]", "What=/%N"]
        for _ in range(self._random.randint(1, 4)):
            chosen = SECTIONS[kind] if self._random.random() < 0.8 and SECTIONS[kind] else "Unit"
            key = self._random.choice(self._keys[chosen])
            lines.append(f"[{chosen}]")
            lines += [f"{key}={self._value(key)}" for _ in range(self._random.choice((1, 1, 1, 2)))]
        return "\n".join([*lines, ""])

    def _value(self, key: str) -> str:
        draw = self._random
        good = self._good(key)
        wrong = self._wrong.get(key, ())
        roll = draw.random()
        if roll < 0.5 and good:
            value = draw.choice(good)
        elif roll < 0.6 and wrong:
            value = draw.choice(wrong)
        else:
            value = draw.choice(ANYTHING)
        roll = draw.random()
        if roll < 0.06 and good:
            return f"{value} {draw.choice(good)}"
        if roll < 0.1:
            return f"{value} {draw.choice(ANYTHING)}"
        if roll < 0.13:
            return draw.choice("~-+!:|@") + value
        if roll < 0.15:
            return value[: draw.randint(0, len(value))]
        return value

    def _good(self, key: str) -> tuple[str, ...]:
        if key in GOOD:
            return GOOD[key]
        suffix = max((name for name in GOOD if key.endswith(name)), key=len, default="")
        prefix = max((name for name in GOOD if key.startswith(name)), key=len, default="")
        return GOOD.get(max(suffix, prefix, key=len), ())
