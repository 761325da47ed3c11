"""Services that are made from init scripts: what is different with them in a container.

Such scripts stop their daemons with start-stop-daemon(8) or the like, which finds a daemon by its program,
/proc/PID/exe. Of another user's process that is readable with CAP_SYS_PTRACE only, which container engines do not
grant: then a stop says that it has done its work, the daemon lives on, and the next start adds a second one.
"""

from __future__ import annotations

from systemctl_replacement.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from systemctl_replacement.unitfile.load import Unit
    from systemctl_replacement.units.service.config import ServiceConfig

# Debian's, and where Red Hat's really are.
_DIRECTORIES = ("/etc/init.d/", "/etc/rc.d/init.d/")


def adapt(config: ServiceConfig, file: Unit, sees_all: Callable[[], bool]) -> ServiceConfig:
    """The configuration of a service. One that is an init script's is stopped as a whole where the script may not see
    its own daemon: what ExecStop= leaves gets KillSignal= and, after TimeoutStopSec=, SIGKILL."""
    if config.kill_mode == "process" and file.source_path.startswith(_DIRECTORIES) and not sees_all():
        return replace(config, kill_mode="control-group")
    return config
