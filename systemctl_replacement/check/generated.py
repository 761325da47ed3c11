"""Units that only the boot makes: by generators, which a check does not run, and of init scripts."""

from __future__ import annotations

import os

from systemctl_replacement.check.finding import Finding
from systemctl_replacement.check.tree import Unknown
from systemctl_replacement.manager.generators import init_script_units, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from systemctl_replacement.check.image import Image

# Generators of systemd whose work is known, with the file without which they do nothing.
_KNOWN = {init_script_units.GENERATOR: "", "systemd-rc-local-generator": "/etc/rc.local"}


def findings(image: Image) -> Iterator[Finding]:
    """Generators that the boot runs, and init scripts that it makes units of."""
    for path in run.find(image.root, lambda name: image.skips.reason([name])):
        needed = _KNOWN.get(os.path.basename(path))
        if needed is None or (needed and _exists(image, needed)):
            yield Finding("generator", "", f"{path} is run at boot only: what it makes is not checked.", path)
    targets = {unit.id for unit in image.starting}
    for unit, script in init_script_units.enabled(image.root, _native(image), targets).items():
        is_loaded = image.index.fragment(unit).path  # in a running container
        if not is_loaded and not image.skips.reason([unit]):
            path = f"{image.root}{init_script_units.SCRIPTS}/{script}"
            yield Finding("init-script", unit, f"Made of {path} at boot only, and not checked.", path)


def _native(image: Image) -> list[str]:
    return [path for path in image.directories if not os.path.basename(path).startswith("generator")]


def _exists(image: Image, path: str) -> bool:
    try:
        return image.tree.exists(path)
    except Unknown:
        return True
