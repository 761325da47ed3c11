"""What an image's /etc/fstab asks for, which the engine has to mount."""

from __future__ import annotations

from systemctl_replacement.check.finding import Finding
from systemctl_replacement.check.tree import Unknown
from systemctl_replacement.few_names import few
from systemctl_replacement.unitfile import fstab

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from systemctl_replacement.check.tree import Tree

_MOST_BYTES = 1 << 20


def findings(tree: Tree) -> Iterator[Finding]:
    """Entries that systemd would mount, or swap to, at a boot, and init leaves out."""
    try:
        text = tree.head(fstab.PATH, _MOST_BYTES).decode(errors="replace")
    except (OSError, Unknown):
        return  # the boot says why it cannot be read
    skipped = [unit for unit, settings in fstab.read(text).items() if "noauto" not in _options(settings)]
    if skipped:
        text = f"Not mounted, as the engine mounts the file systems of a container: {few(skipped)}"
        yield Finding("fstab", "", text, fstab.PATH)


def _options(settings: fstab.Settings) -> list[str]:
    return [option for (_section, name), text in settings.items() if name == "Options" for option in text.split(",")]
