"""Units that no unit file describes, but something else: what is mounted, or fstab(5)."""

from __future__ import annotations

from systemctl_replacement.records import replace
from systemctl_replacement.unitfile import dependencies
from systemctl_replacement.unitfile.load import get

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from systemctl_replacement.unitfile.load import Unit

    Settings = Mapping[tuple[str, str], Any]


def without_file(file: Unit, settings: Settings, source: str, also: Settings | None = None) -> Unit:
    """The unit as if a file said so, with the dependencies that follow. source: what says it. also: settings that only
    dependencies follow from."""
    said = {**file.settings, **settings}
    known = {**said, **(also or {})}
    found = dependencies.complete(file.id, file.type, lambda *key: get(known, *key), file.dependencies)
    return replace(
        file,
        load_state="loaded",
        load_error=None,
        derived=True,
        settings=said,
        source_path=source,
        dependencies=found,
    )
