"""What environment and locale say of the terminal: characters and colours.

Source: systemctl(1) $SYSTEMD_COLORS, systemd(1) $SYSTEMD_UTF8, https://no-color.org.
"""

from __future__ import annotations

import os

from systemctl_replacement.booleans import boolean


def unicode_wanted() -> bool:
    """Whether to show more than ASCII, by $SYSTEMD_UTF8 or the locale. Without any setting it is UTF-8."""
    forced = boolean(os.environ.get("SYSTEMD_UTF8", ""))
    return is_utf8_locale() if forced is None else forced


def is_utf8_locale() -> bool:
    """Whether the locale's encoding is UTF-8 (locale(7))."""
    for variable in ("LC_ALL", "LC_CTYPE", "LANG"):
        value = os.environ.get(variable)
        if value and not (variable == "LC_CTYPE" and is_coerced()):
            charset = value.partition(".")[2].partition("@")[0].lower().replace("-", "")
            return charset == "utf8" or (value not in ("C", "POSIX") and _is_utf8_or_unknown(value))
    return True


def _is_utf8_or_unknown(locale: str) -> bool:
    """Whether a locale uses UTF-8, or is not installed, which is the same as no setting."""
    import _locale

    try:
        _locale.setlocale(_locale.LC_CTYPE, locale)
    except _locale.Error:  # type: ignore[attr-defined]
        return True
    return _locale.nl_langinfo(_locale.CODESET) == "UTF-8"


def is_coerced() -> bool:
    """Whether Python has set LC_CTYPE: it does so in the C locale (PEP 538)."""
    if os.environ.get("LC_CTYPE") not in ("C.UTF-8", "C.utf8", "UTF-8"):
        return False
    try:
        with open("/proc/self/environ", "rb") as file:
            return not any(entry.startswith(b"LC_CTYPE=") for entry in file.read().split(b"\0"))
    except OSError:
        return False


def colors_asked_for() -> bool | None:
    """What $SYSTEMD_COLORS says, or $NO_COLOR; None if neither says anything."""
    setting = os.environ.get("SYSTEMD_COLORS", "")
    asked = True if setting in ("16", "256") else boolean(setting)
    return False if asked is None and "NO_COLOR" in os.environ else asked


def only_sixteen_colors() -> bool:
    """Whether $SYSTEMD_COLORS asks for no others."""
    return os.environ.get("SYSTEMD_COLORS") == "16"


def is_term_dumb() -> bool:
    """Whether $TERM names a terminal that can only print lines, or none."""
    return os.environ.get("TERM", "dumb") == "dumb"
