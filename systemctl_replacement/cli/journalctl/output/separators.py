"""What journalctl prints between and after entries."""

from __future__ import annotations

from systemctl_replacement.cli.journalctl.output.colors import BOLD, RESET


def boot_line(boot_id: str, colors: bool) -> bytes:
    """In front of the first entry of another boot."""
    line = f"-- Boot {boot_id} --"
    return (f"{BOLD}{line}{RESET}\n" if colors else f"{line}\n").encode()


def cursor_line(cursor: str) -> bytes:
    """Of --show-cursor."""
    return f"-- cursor: {cursor}\n".encode()
