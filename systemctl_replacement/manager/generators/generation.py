"""Running generators (systemd.generator(7)) where there are any: what runs them is loaded only then."""

from __future__ import annotations

import os

from systemctl_replacement.loop import Loop
from systemctl_replacement.manager.generators.directories import directories, init_scripts_are_ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from systemctl_replacement.manager.generators.run import Generators
    from systemctl_replacement.supervision.patience import Patience


def variables(architecture: str, engine: str) -> dict[str, str]:
    """What generators are told of the system, besides the manager's environment."""
    told = {
        "SYSTEMD_SCOPE": "system",
        "SYSTEMD_IN_INITRD": "0",
        "SYSTEMD_FIRST_BOOT": "0",
        "SYSTEMD_ARCHITECTURE": architecture,
    }
    if engine:
        told["SYSTEMD_VIRTUALIZATION"] = f"container:{engine}"
        told["container"] = engine
    return told


class Generation:
    """Has the generators run, when there is a directory for them or something they have made before."""

    def __init__(
        self,
        loop: Loop,
        root: str,
        runtime: str,
        environment: Callable[[], Mapping[str, str]],
        log: Callable[[int, str], None],
        patience: Patience,
    ) -> None:
        self._loop = loop
        self._root = root
        self._runtime = runtime
        self._environment = environment
        self._log = log
        self._patience = patience
        self._generators: Generators | None = None

    @property
    def running(self) -> bool:
        return self._generators is not None and self._generators.running

    def run(self, done: Callable[[], object]) -> None:
        """Run them, then call `done`, in any case later."""
        if self._generators is None:
            if not self._is_needed():
                self._loop.call_soon(done)
                return
            from systemctl_replacement.manager.generators.run import Generators

            self._generators = Generators(
                self._loop, self._root, self._runtime, self._environment, self._log, self._patience
            )
        self._generators.run(done)

    def abandon(self) -> None:
        """The manager ends: so does what runs, and nobody is told."""
        if self._generators is not None:
            self._generators.abandon()

    def _is_needed(self) -> bool:
        made = (f"{self._runtime}/generator{order}" for order in ("", ".early", ".late"))
        programs = directories(self._root)
        return any(map(os.path.isdir, programs)) or any(map(os.path.lexists, made)) or init_scripts_are_ours(self._root)
