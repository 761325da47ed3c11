"""The output mode that is asked for. Only the one that is used is imported."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.cli.journalctl.output.output import Output
    from systemctl_replacement.cli.journalctl.output.settings import OutputSettings


def make(settings: OutputSettings) -> Output:
    """What shows entries in the mode of the settings."""
    mode = settings.mode
    if mode == "verbose":
        from systemctl_replacement.cli.journalctl.output.verbose import Verbose

        return Verbose(settings)
    if mode == "export":
        from systemctl_replacement.cli.journalctl.output.export import Export

        return Export(settings)
    if mode == "cat":
        from systemctl_replacement.cli.journalctl.output.cat import Cat

        return Cat(settings)
    if mode.startswith("json"):
        from systemctl_replacement.cli.journalctl.output.json_forms import Json

        return Json(settings)
    from systemctl_replacement.cli.journalctl.output.short import Short

    return Short(settings)
