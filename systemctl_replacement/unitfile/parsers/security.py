"""Parsers of sandboxing lists: capabilities, system calls, namespaces, address families (systemd.exec(5)).

Values are kept as their words (a leading `~` inverts, as in the file). Messages from systemd 252.
"""

from __future__ import annotations

from systemctl_replacement.unitfile import quoting, values
from systemctl_replacement.unitfile.parsers import common as parsers
from systemctl_replacement.unitfile.parsers.parse_context import UNSET, ParseContext, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NAMESPACE_LETTERS = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz:-_.\\@")
NAMESPACES = frozenset(("cgroup", "ipc", "net", "mnt", "pid", "user", "uts"))
ARCHITECTURES = frozenset(
    (
        "native", "x86", "x86-64", "x32", "arm", "arm64", "loongarch64", "mips", "mips64", "mips64-n32", "mips-le",
        "mips64-le", "mips64-le-n32", "parisc", "parisc64", "ppc", "ppc64", "ppc64-le", "riscv64", "s390", "s390x",
    )
)  # fmt: skip
FAMILIES = frozenset(
    (
        "AF_UNSPEC", "AF_UNIX", "AF_LOCAL", "AF_FILE", "AF_INET", "AF_AX25", "AF_IPX", "AF_APPLETALK", "AF_NETROM",
        "AF_BRIDGE", "AF_ATMPVC", "AF_X25", "AF_INET6", "AF_ROSE", "AF_DECnet", "AF_NETBEUI", "AF_SECURITY", "AF_KEY",
        "AF_NETLINK", "AF_ROUTE", "AF_PACKET", "AF_ASH", "AF_ECONET", "AF_ATMSVC", "AF_RDS", "AF_SNA", "AF_IRDA",
        "AF_PPPOX", "AF_WANPIPE", "AF_LLC", "AF_IB", "AF_MPLS", "AF_CAN", "AF_TIPC", "AF_BLUETOOTH", "AF_IUCV",
        "AF_RXRPC", "AF_ISDN", "AF_PHONET", "AF_IEEE802154", "AF_CAIF", "AF_ALG", "AF_NFC", "AF_VSOCK", "AF_KCM",
        "AF_QIPCRTR", "AF_SMC", "AF_XDP", "AF_MCTP",
    )
)  # fmt: skip


def namespaces(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """RestrictNamespaces=: a boolean or namespace types."""
    try:
        return ("yes" if values.parse_bool(text) else "no",)
    except ValueError:
        pass
    listed = text.removeprefix("~")
    if any(word not in NAMESPACES for word in listed.split()):
        raise Refused(f"Failed to parse namespace type string, ignoring: {listed}")
    return (text,)


def address_families(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """RestrictAddressFamilies=: `none`, or AF_… names."""
    if text == "none":
        return (text,)
    # A list without any valid family is still a list: without `~` it allows nothing.
    invert = "~" if text.startswith("~") else ""

    def convert(word: str) -> str:
        if word not in FAMILIES:
            raise Refused(f"Failed to parse address family, ignoring: {word}")
        return word

    return (invert + " ".join(parsers.each(context, parsers.words(context, key, text[len(invert) :]), convert)),)


def architectures(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """SystemCallArchitectures=."""

    def convert(word: str) -> str:
        if word not in ARCHITECTURES:
            raise Refused(f'Failed to parse system call architecture "{word}", ignoring: Invalid argument')
        return word

    return parsers.each(context, parsers.words(context, key, text), convert)


def system_calls(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """SystemCallFilter=, SystemCallLog=: names of system calls and groups, in the former with `:ERRNO`."""
    from systemctl_replacement.unitfile.system_calls import known

    invert = "~" if text.startswith("~") else ""

    def convert(word: str) -> str:
        name, colon, number = word.partition(":") if key == "SystemCallFilter" else (word, "", "")
        if colon and (not name or not _is_error_number(number)):
            raise Refused(f"Failed to parse syscall:errno, ignoring: {word}")
        if not known(name):
            what = "Unknown system call group" if name.startswith("@") else "Failed to parse system call"
            raise Refused(f"{what}, ignoring: {name}")
        return word

    try:
        items = quoting.split(text[len(invert) :], unquote=False, unescape=False)
    except quoting.QuotingError:
        raise Refused(f"Invalid syntax, ignoring: {text}") from None
    # A list without any known name is still a list.
    return (invert + " ".join(parsers.each(context, items, convert)),)


def _is_error_number(text: str) -> bool:
    import errno

    if text == "kill" or (text.startswith("E") and hasattr(errno, text)):
        return True
    try:
        values.parse_integer(text, 0, 4095)
    except (ValueError, OverflowError):
        return False
    return True


def error_number(context: ParseContext, key: str, text: str) -> Any:
    """SystemCallErrorNumber=: an errno by name or number, or `kill`."""
    if not text:
        return UNSET
    if text == "kill":
        return text
    import errno

    if not text.startswith("E") or not hasattr(errno, text):
        try:
            number = values.parse_integer(text, 0, 4095)
        except (ValueError, OverflowError):
            raise Refused(f"Failed to parse error number, ignoring: {text}") from None
        if number == 0:
            raise Refused(f"Invalid error number, ignoring: {text}")
    return text


def coredump_filter(context: ParseContext, key: str, text: str) -> Any:
    """CoredumpFilter=: names of mappings, or a mask in hexadecimal."""
    if not text:
        return UNSET
    found = frozenset(parsers.words(context, key, text))
    if any(word not in _COREDUMP and (not _is_hex(word) or int(word, 16) >= 2**64) for word in found):
        raise Refused(f"Failed to parse the CoredumpFilter={text}, ignoring: Invalid argument")
    return found


_COREDUMP = frozenset(
    (
        "private-anonymous", "shared-anonymous", "private-file-backed", "shared-file-backed", "elf-headers",
        "private-huge", "shared-huge", "private-dax", "shared-dax", "default", "all",
    )
)  # fmt: skip


def _is_hex(word: str) -> bool:
    digits = word.removeprefix("0x")
    return bool(digits) and all(digit in "0123456789abcdefABCDEF" for digit in digits)


def log_namespace(context: ParseContext, key: str, text: str) -> Any:
    """LogNamespace=."""
    name = parsers.expanded(context, text, "{}")
    if name and (not _NAMESPACE_LETTERS.issuperset(name) or name in (".", "..") or len(name) > 200):
        raise Refused(f"Specified log namespace name is not valid, ignoring: {name}")
    return name or UNSET


def set_credential(context: ParseContext, key: str, text: str) -> tuple[tuple[str, str], ...]:
    """SetCredential=, SetCredentialEncrypted=: (name, content); escapes are decoded in the former."""
    name, colon, rest = text.partition(":")
    if not colon:
        raise Refused(f"Invalid syntax, ignoring: {text}")
    name = _credential_name(context, name)
    if key == "SetCredential":
        try:
            rest = quoting.unescape(rest)
        except quoting.QuotingError:
            raise Refused(f'Can\'t unescape "{rest}", ignoring: Invalid argument') from None
    return ((name, rest),)


def load_credential(context: ParseContext, key: str, text: str) -> tuple[tuple[str, str], ...]:
    """LoadCredential=, LoadCredentialEncrypted=: (name, path or name to look for)."""
    first, colon, rest = text.partition(":")
    name = _credential_name(context, first)
    return ((name, parsers.expanded(context, rest, '"{}"') if colon else name),)


def import_credential(context: ParseContext, key: str, text: str) -> tuple[str, ...]:
    """ImportCredential=: a name, or how names begin and a "*"."""
    pattern = parsers.expanded(context, text, '"{}"')
    beginning = pattern.removesuffix("*")
    if pattern != "*" and (not _is_credential_name(beginning) or not set("*?[").isdisjoint(beginning)):
        raise Refused(f'Credential name or glob "{pattern}" not valid, ignoring.')
    return (pattern,)


def _credential_name(context: ParseContext, text: str) -> str:
    name = parsers.expanded(context, text, '"{}"')
    if not _is_credential_name(name):
        raise Refused(f'Credential name "{name}" not valid, ignoring.')
    return name


def _is_credential_name(name: str) -> bool:
    return name not in ("", ".", "..") and "/" not in name and len(name) <= 255
