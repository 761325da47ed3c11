"""Unit names that are typed: what they mean, and a hint if a name had to be escaped."""

from __future__ import annotations

from systemctl_replacement.unitfile.names import mangle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def mangled_with_hint(name: str, suffix: str, say: Callable[[str], None], *, glob: bool = True) -> str:
    """The unit name or pattern that a word means. ValueError. say: is told if the name was escaped."""
    made = mangle(name, suffix, glob=glob)
    unsuffixed = made[: -len(suffix)] if made.endswith(suffix) and not name.endswith(suffix) else made
    if made not in (name, name + suffix) and not name.startswith("/"):
        say(f'Invalid unit name "{name}" escaped as "{unsuffixed}" (maybe you should use systemd-escape?).')
    return made
