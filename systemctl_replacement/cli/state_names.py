"""The lists that `--state=help` and `--signal=help` print."""

from __future__ import annotations

from systemctl_replacement import signals

# The values of --state=: heading and states.
_STATES = (
    ("unit load states", "stub loaded not-found bad-setting error merged masked"),
    ("unit active states", "active reloading inactive failed activating deactivating maintenance"),
    (
        "unit file states",
        (
            "enabled enabled-runtime linked linked-runtime alias masked masked-runtime static disabled indirect "
            "generated transient bad"
        ),
    ),
    ("automount unit substates", "dead waiting running failed"),
    ("device unit substates", "dead tentative plugged"),
    (
        "mount unit substates",
        (
            "dead mounting mounting-done mounted remounting unmounting remounting-sigterm remounting-sigkill "
            "unmounting-sigterm unmounting-sigkill failed cleaning"
        ),
    ),
    ("path unit substates", "dead waiting running failed"),
    ("scope unit substates", "dead start-chown running abandoned stop-sigterm stop-sigkill failed"),
    (
        "service unit substates",
        (
            "dead condition start-pre start start-post running exited reload stop stop-watchdog stop-sigterm "
            "stop-sigkill stop-post final-watchdog final-sigterm final-sigkill failed auto-restart cleaning"
        ),
    ),
    ("slice unit substates", "dead active"),
    (
        "socket unit substates",
        (
            "dead start-pre start-chown start-post listening running stop-pre stop-pre-sigterm stop-pre-sigkill "
            "stop-post final-sigterm final-sigkill failed cleaning"
        ),
    ),
    (
        "swap unit substates",
        "dead activating activating-done active deactivating deactivating-sigterm deactivating-sigkill failed cleaning",
    ),
    ("target unit substates", "dead active"),
    ("timer unit substates", "dead waiting running elapsed failed"),
)
_LAST_SIGNAL = 64


def available_states() -> str:
    """Every load, active, unit file and sub state."""
    blocks = ["\n".join([f"Available {kind}:", *states.split()]) for kind, states in _STATES]
    return "\n\n".join(blocks)


def signal_list(*, table: bool) -> str:
    """Every signal, as a list of names or a table with numbers."""
    if not table:
        return "\n".join(["0", *(_name(number) for number in range(1, _LAST_SIGNAL + 1))])
    return "\n".join(["SIGNAL NAME", *(f"{number:<6} SIG{_name(number)}" for number in range(1, _LAST_SIGNAL + 1))])


def _name(number: int) -> str:
    """The name in systemd's lists: the first real-time signal has an offset, and the C library's own are numbers."""
    if 31 < number < 34:
        return str(number)
    return "RTMIN+0" if number == 34 else signals.name(number)
