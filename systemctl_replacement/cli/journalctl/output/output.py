"""What the output modes have in common."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.journalctl.catalog import Catalog
    from systemctl_replacement.cli.journalctl.output.settings import OutputSettings
    from systemctl_replacement.journal.entry import Entry


class Output:
    """Shows entries, one by one."""

    def __init__(self, settings: OutputSettings) -> None:
        self.settings = settings
        self.ellipsized = False
        """Whether a line of any entry was shortened."""
        self._catalog: Catalog | None = None

    @property
    def catalog(self) -> Catalog:
        if self._catalog is None:
            from systemctl_replacement.cli.journalctl.catalog import load

            self._catalog = load()
        return self._catalog

    def explanation(self, entry: Entry) -> str:
        """What the catalogue says of an entry, if that is wanted: lines with a mark in front."""
        found = self.catalog.text(entry) if self.settings.catalog else None
        if found is None:
            return ""
        from systemctl_replacement.cli.journalctl.output.explanation import marked

        return marked(found, self.settings.colors)

    def format(self, entry: Entry) -> bytes:
        """All that is to be printed for an entry, with the newline; nothing if this mode does not show it."""
        raise NotImplementedError
