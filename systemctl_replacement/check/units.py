"""What is wrong with a unit that a boot starts, as far as its own settings and the files of the image tell."""

from __future__ import annotations

from systemctl_replacement import exec_directories
from systemctl_replacement.check import addresses, conditions, programs
from systemctl_replacement.check.boot import about_files
from systemctl_replacement.check.finding import Finding
from systemctl_replacement.check.places import place
from systemctl_replacement.check.tree import Account, Tree, Unknown
from systemctl_replacement.defaults import SEARCH_PATH
from systemctl_replacement.manager import own_user
from systemctl_replacement.phases import PHASES
from systemctl_replacement.unitfile import names
from systemctl_replacement.unitfile.directives.not_applied import not_applied
from systemctl_replacement.unitfile.directives.table import section_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from systemctl_replacement.check.image import Image
    from systemctl_replacement.manager.unit import ManagedUnit
    from systemctl_replacement.unitfile.parsers.commands import ExecCommand

# Without a program of one of these a unit does not come up.
_STARTING = ("ExecStartPre", "ExecStart", "ExecStartPost")
# A user to nobody but the kernel: not root, and in no group of the image.
_DYNAMIC = Account(-1, -1)
_IDENTITY = ("User", "Group", "SupplementaryGroups", "DynamicUser")
_OWNERS = ("SocketUser", "SocketGroup")
# The kernel's default of net.ipv4.ip_unprivileged_port_start, which a container may have set otherwise.
_FIRST_UNPRIVILEGED_PORT = 1024
_BIND = "CAP_NET_BIND_SERVICE"


def findings_of(image: Image, unit: ManagedUnit) -> Iterator[Finding]:
    """All findings about one unit."""
    for check in (
        _asserts,
        _triggers,
        _template,
        _accounts,
        _privileges,
        _ports,
        _programs,
        _directories,
        _files,
        _settings,
        _not_applied,
    ):
        yield from check(image, unit)


def _at(code: str, unit: ManagedUnit, text: str, *directives: str, word: str = "", section: str = "") -> Finding:
    """A finding about a setting."""
    return Finding(code, unit.id, text, *place(unit.file, section or unit.section, directives, word))


def _asserts(image: Image, unit: ManagedUnit) -> Iterator[Finding]:
    condition = conditions.unmet(unit.get("Unit", "Asserts") or (), image.foresight.met)
    if condition is not None:
        text = f"Starting requested but asserts failed: {conditions.shown('Assert', condition)}"
        yield _at("assert", unit, text, f"Assert{condition.kind}", word=condition.parameter, section="Unit")


def _triggers(image: Image, unit: ManagedUnit) -> Iterator[Finding]:
    for name in unit.related("Triggers"):
        other = image.registry[name]
        if other.file.load_state != "loaded":
            text = f"{other.type} {name} not loaded, {unit.type} cannot be started."
            yield Finding("trigger", unit.id, text, unit.file.fragment_path)


def instance_of(unit: ManagedUnit) -> str:
    """A name that stands for all instances which serve connections to a socket (Accept=), "" if none do."""
    return f"{names.prefix_of(unit.id)}@x.service" if unit.own("Accept") else ""


def _template(image: Image, unit: ManagedUnit) -> Iterator[Finding]:
    """The template whose instances serve connections."""
    instance = instance_of(unit)
    if instance and image.registry.get(instance).file.load_state != "loaded":
        text = f"service {names.template_of(instance)} not loaded, {unit.type} cannot be started."
        yield Finding("trigger", unit.id, text, unit.file.fragment_path)


def _accounts(image: Image, unit: ManagedUnit) -> Iterator[Finding]:
    """Users and groups that are not there."""
    known, others = image.accounts, _others(image, unit)
    code = "other-account" if known.others else "account"
    for name in ("User", "SocketUser"):
        if name in others and known.user(unit.own(name)) is None:
            user = unit.own(name)
            yield _at(code, unit, f"There is no user {user} in /etc/passwd.", name, word=user)
    for name in ("Group", "SocketGroup"):
        if name in others and known.group(unit.own(name)) is None:
            group = unit.own(name)
            yield _at(code, unit, f"There is no group {group} in /etc/group.", name, word=group)
    missing = [name for name in unit.own("SupplementaryGroups") or () if known.group(name) is None]
    if missing:
        text = f"There is no group {' and no group '.join(missing)} in /etc/group."
        yield _at(code, unit, text, "SupplementaryGroups", word=missing[0])


def _others(image: Image, unit: ManagedUnit) -> tuple[str, ...]:
    """The directives by which a unit asks for somebody else than init's user."""
    host, get = image.host, unit.own
    return (*own_user.asking_for_others(host, get), *own_user.giving_to_others(host, get))


def _privileges(image: Image, unit: ManagedUnit) -> Iterator[Finding]:
    """Settings that take a privilege which the container lacks."""
    others = _others(image, unit)
    found: dict[bool, dict[str, frozenset[str]]] = {True: {}, False: {}}  # by whether the unit fails
    for (section, name), value in unit.file.settings.items():
        row = section_table(section).get(name)
        if row is None or row.honoured.needs is None or (name in (*_IDENTITY, *_OWNERS) and name not in others):
            continue
        missing = row.honoured.needs.of(value) - image.profile.capabilities
        if missing:
            found[row.honoured.needs.fails][name] = missing
    if image.ignores_others:
        found[True] = {name: missing for name, missing in found[True].items() if name not in others}
        for directives, warning in ((_IDENTITY, own_user.warning), (_OWNERS, own_user.owner_warning)):
            ignored = [name for name in others if name in directives]
            if ignored:
                yield _at("not-permitted", unit, warning(image.host.user, ignored), *ignored)
    for fails, needing in found.items():
        if needing:
            missing = frozenset().union(*needing.values())
            text = f"Settings that need {' and '.join(sorted(missing))}, which {image.profile.name} does not grant"
            text = f"{text}: {_listed(needing)}{', so that the unit fails' if fails else ''}"
            if fails and image.profile.uid and others and set(needing).issubset(others):
                text = f"{text}. It runs as init's user with ENV {own_user.VARIABLE}=yes"
            yield _at("privilege" if fails else "not-permitted", unit, text, *needing)


def _ports(image: Image, unit: ManagedUnit) -> Iterator[Finding]:
    """Ports that only the privileged may listen on."""
    if _BIND in image.profile.capabilities:
        return
    for directive, value in unit.file.settings.get((unit.section, "Listen"), ()):
        port = addresses.address(directive, value).port
        if port.isdigit() and 0 < int(port) < _FIRST_UNPRIVILEGED_PORT:
            text = f"{directive}={value}: a port below {_FIRST_UNPRIVILEGED_PORT} needs {_BIND}, which"
            text = f"{text} {image.profile.name} does not grant, or the sysctl net.ipv4.ip_unprivileged_port_start"
            yield _at("privilege", unit, text, directive, word=value)


def _listed(directives: Iterable[str]) -> str:
    return ", ".join(f"{name}=" for name in directives)


# --- programs and files ---


def _programs(image: Image, unit: ManagedUnit) -> Iterator[Finding]:
    for phase in (*PHASES, "ExecStopPre"):
        for command in unit.own(phase) or ():
            if not command.ignore_failure:
                reason = _fault(image, unit, phase, command)
                if reason:
                    code = "program" if phase in _STARTING else "other-program"
                    text = f"Command {command.path} is not executable: {reason}"
                    yield _at(code, unit, text, phase, word=command.path)


def _fault(image: Image, unit: ManagedUnit, phase: str, command: ExecCommand) -> str:
    tree = image.tree
    try:
        if unit.own("RootDirectory") and (phase == "ExecStart" or not unit.own("RootDirectoryStartOnly")):
            tree = tree.below(unit.own("RootDirectory"))
    except (OSError, Unknown):
        return ""
    search = tuple(unit.own("ExecSearchPath") or SEARCH_PATH)
    return programs.fault(tree, command.path, _account(image, unit, phase, command), search)


def _account(image: Image, unit: ManagedUnit, phase: str, command: ExecCommand) -> Account:
    """Whom a command runs as."""
    as_init = command.privileged in ("+", "!", "!!") or (unit.own("PermissionsStartOnly") and phase != "ExecStart")
    if as_init or image.ignores_others:
        return image.init
    if unit.own("DynamicUser"):
        return _DYNAMIC
    user = unit.own("User")
    account = image.accounts.user(user) if user else image.init
    if account is None or account.uid == 0:
        return account or image.init
    named = [image.accounts.group(name) for name in (unit.own("Group"), *(unit.own("SupplementaryGroups") or ()))]
    return Account(account.uid, account.gid, account.groups.union(gid for gid in named if gid is not None))


def _directories(image: Image, unit: ManagedUnit) -> Iterator[Finding]:
    """Directories of StateDirectory= and the like that init cannot make, or not make as they are to be."""
    for kind in exec_directories.KINDS:
        for name, *_ in unit.own(kind.directive) or ():
            path = f"{kind.base}/{name}"
            kept = kind.directive == "ConfigurationDirectory" and _is_there(image.tree, path)
            try:
                if not kept:
                    image.tree.check_makeable(path, image.init)
            except Unknown:
                continue
            except OSError as error:
                text = f"Failed to set up special execution directory {path}: {error.strerror}"
                yield _at("directory", unit, text, kind.directive, word=name)


def _files(image: Image, unit: ManagedUnit) -> Iterator[Finding]:
    """Files and directories without which the unit fails. They may be meant to come with a volume."""
    for missing_ok, path in unit.own("EnvironmentFile") or ():
        if not missing_ok and not _is_there(image.tree, path):
            yield _at(
                "file", unit, f"EnvironmentFile= {path} does not exist in the image.", "EnvironmentFile", word=path
            )
    yield from _streams(image, unit)
    directory = unit.own("WorkingDirectory")
    if isinstance(directory, tuple) and not directory[0] and directory[1] != "~" and not unit.own("RootDirectory"):
        path = directory[1]
        if not _is_made(unit, path) and not _is_there(image.tree, path):
            text = f"WorkingDirectory= {path} does not exist in the image."
            yield _at("file", unit, text, "WorkingDirectory", word=path)


def _streams(image: Image, unit: ManagedUnit) -> Iterator[Finding]:
    """Files that input is read from, and directories of those that output is written to."""
    for directive in ("StandardInput", "StandardOutput", "StandardError"):
        kind, _, path = (unit.own(directive) or "").partition(":")
        if kind in ("file", "append", "truncate") and not unit.own("RootDirectory"):
            needed = path if directive == "StandardInput" else path.rpartition("/")[0] or "/"
            if not _is_made(unit, needed) and not _is_there(image.tree, needed):
                text = f"{directive}= {path}: {needed} does not exist in the image."
                yield _at("file", unit, text, directive, word=path)


def _is_there(tree: Tree, path: str) -> bool:
    try:
        return any(character in path for character in "*?[") or tree.exists(path)
    except Unknown:
        return True


def _is_made(unit: ManagedUnit, path: str) -> bool:
    """Whether the unit itself has the directory made."""
    made = [f"{kind.base}/{entry[0]}" for kind in exec_directories.KINDS for entry in unit.own(kind.directive) or ()]
    return path in made


# --- what a start would say ---


def _settings(image: Image, unit: ManagedUnit) -> Iterator[Finding]:
    yield from about_files(unit, "setting")


def _not_applied(image: Image, unit: ManagedUnit) -> Iterator[Finding]:
    missing = not_applied(unit.file)
    if missing:
        text = f"Settings that are not applied here: {_listed(missing)}"
        yield Finding("not-applied", unit.id, text, unit.file.fragment_path)
