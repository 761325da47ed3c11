"""A manager on a system that has another init: when it must not start."""

from __future__ import annotations

import os
import sys

from systemctl_replacement.manager.options import InitOptions


def refusal(options: InitOptions) -> str:
    """Why a manager that is not PID 1 must not start, "" if it may. Only root could harm the system."""
    begins = options.deserialize_fd < 0 and not options.on_demand  # clients look at PID 1 before they start a manager
    if begins and not options.root:
        from systemctl_replacement.control import init_process

        init = init_process.look()
        if init is not None:
            return f"PID 1 is the service manager of this container, as user {init.user}. Its units are run already."
    if os.geteuid() != 0:
        return ""
    if not options.root:
        if _runs_systemd():
            return "systemd is the init of this system (PID 1), and its units are not ours to run."
    elif not options.run_host_programs and _is_whole_system(options.root):
        return (
            f"{options.root} is a whole system, but the programs that run are those of this one, with its files. "
            f"To run that one, enter it (chroot {options.root} /usr/bin/systemctl init); else say --run-host-programs."
        )
    return ""


def warnings() -> list[str]:
    """The message to whoever starts one nevertheless."""
    from systemctl_replacement.control import shell_form

    if not shell_form.ends_with_us():
        return []
    remedy = shell_form.remedy(sys.argv[1:])
    return [f"PID 1 is a shell, which passes no signals on: 'docker stop' will not reach this init. Write {remedy}."]


def _runs_systemd() -> bool:
    """Whether systemd itself is PID 1. Our init has the same name, but not this socket."""
    try:
        with open("/proc/1/comm", encoding="ascii", errors="replace") as file:
            return file.read() == "systemd\n" and os.path.exists("/run/systemd/private")
    except OSError:
        return False


def _is_whole_system(root: str) -> bool:
    """Whether a directory has programs of its own, which would not be the ones that run."""
    directory = os.path.realpath(f"{root}/usr/bin")
    if not directory.startswith(os.path.realpath(root) + "/"):
        return False  # a link that leads elsewhere
    try:
        with os.scandir(directory) as entries:
            return any(entry.is_file() and os.access(entry.path, os.X_OK) for entry in entries)
    except OSError:
        return False
