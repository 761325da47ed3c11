"""Parsers of disk images: RootImage= and its siblings (systemd.exec(5)). Messages from systemd 252."""

from __future__ import annotations

from systemctl_replacement.log_levels import LOG_ERR
from systemctl_replacement.unitfile import quoting
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers.parse_context import UNSET, ParseContext, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PARTITIONS = frozenset(
    (
        "root", "root-secondary", "root-other", "usr", "usr-secondary", "usr-other", "home", "srv", "esp", "xbootldr",
        "swap", "root-verity", "root-verity-secondary", "root-verity-other", "usr-verity", "usr-verity-secondary",
        "usr-verity-other", "root-verity-sig", "root-verity-sig-secondary", "root-verity-sig-other", "usr-verity-sig",
        "usr-verity-sig-secondary", "usr-verity-sig-other", "tmp", "var",
    )
)  # fmt: skip
_HASH_MINIMUM = 16  # bytes
_HEX = frozenset("0123456789abcdefABCDEF")


def root_hash(context: ParseContext, key: str, text: str) -> Any:
    """RootHash=: hexadecimal digits or a path."""
    if not text:
        return UNSET
    if text.startswith("/"):
        return parsers.check_path(key, parsers.expanded(context, text))
    if len(text) % 2 or not _HEX.issuperset(text):
        raise Refused(f"Failed to decode RootHash=, ignoring: {text}")
    if len(text) < 2 * _HASH_MINIMUM:
        raise Refused(f"RootHash= is too short, ignoring: {text}")
    return text.lower()


def root_hash_signature(context: ParseContext, key: str, text: str) -> Any:
    """RootHashSignature=: a path, or `base64:` and the signature, which comes out in hexadecimal digits."""
    if not text:
        return UNSET
    if text.startswith("/"):
        return parsers.check_path(key, parsers.expanded(context, text))
    if not text.startswith("base64:"):
        raise Refused(
            f"Failed to decode RootHashSignature=, not a path but doesn't start with 'base64:', ignoring: {text}"
        )
    from binascii import a2b_base64

    try:
        return a2b_base64(text[len("base64:") :].encode("ascii")).hex()
    except ValueError:
        raise Refused(f"Failed to decode RootHashSignature=, ignoring: {text}") from None


def root_image_options(context: ParseContext, key: str, text: str) -> Any:
    """RootImageOptions=: `PARTITION:OPTIONS` words; the root partition's without its name."""
    try:
        found = [_parts(word) for word in quoting.split(text, retain_escape=True)]
    except quoting.QuotingError:
        raise Refused(f"Failed to parse mount options, ignoring: {text}") from None
    if any(len(parts) > 2 for parts in found):
        raise Refused(f"Failed to parse mount options, ignoring: {text}")
    return parsers.each(context, found, lambda parts: ":".join(_option(context, parts))) or UNSET


def images(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """ExtensionImages=, MountImages=: an image, for the latter its mount point, and mount options by partition."""
    found = []
    complaint = f"Invalid syntax, ignoring: {text}"
    for word in parsers.words_until(context, text, complaint, LOG_ERR, retain_escape=True):
        try:
            parts = _parts(word)
            source = parsers.expanded(context, parts.pop(0) if parts else "", "{}")
            optional = "-" if source.startswith("-") else ""
            image = [optional + parsers.check_path(key, source[len(optional) :])]
            if key == "MountImages":
                if not parts:
                    raise Refused(f"Missing destination in MountImages, ignoring: {word}")
                image.append(parsers.check_path(key, parsers.expanded(context, parts.pop(0), "{}")))
            # Options without a partition are for the root partition, or the only one.
            while parts:
                image += _option(context, parts[:2] if len(parts) > 1 else parts)
                del parts[:2]
            found.append(":".join(image))
        except quoting.QuotingError:
            context.warn(complaint, LOG_ERR)
            break
        except Refused as problem:
            context.warn(str(problem), problem.level)
    return tuple(found)


def _parts(word: str) -> list[str]:
    return quoting.split(word, ":", unquote=False, unescape_separators=True)


def _option(context: ParseContext, parts: list[str]) -> tuple[str, str]:
    partition, options = parts if len(parts) == 2 else ("root", *parts)
    if partition not in _PARTITIONS:
        raise Refused(f"Invalid partition name {partition}, ignoring")
    return partition, parsers.expanded(context, options, "{}")
