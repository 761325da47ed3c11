"""The messages of the install verbs: systemd 252 has two sets, with a running manager ("online") and without."""

from __future__ import annotations

import errno
import os

from systemctl_replacement.enablement import changes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from systemctl_replacement.enablement.changes import InstallChange

_NOT_INSTALLABLE = """\
The unit files have no installation config (WantedBy=, RequiredBy=, Also=,
Alias= settings in the [Install] section, and DefaultInstance= for template
units). This means they are not meant to be enabled using systemctl.
\x20
Possible reasons for having this kind of units are:
{0} A unit may be statically enabled by being symlinked from another unit's
  .wants/ or .requires/ directory.
{0} A unit's purpose may be to act as a helper for some other unit which has
  a requirement dependency on it.
{0} A unit may be started when needed via activation (socket, path, timer,
  D-Bus, udev, scripted systemctl call, ...).
{0} In case of template units, the unit is meant to be enabled with some
  instance name specified."""

_OFFLINE = {
    errno.ERFKILL: "Failed to {verb} unit, unit {path} is masked.",
    errno.EADDRNOTAVAIL: "Failed to {verb} unit, unit {path} is transient or generated.",
    errno.EBADSLT: 'Failed to {verb} unit, invalid specifier in "{path}".',
    errno.EIDRM: "Failed to {verb} {source}, destination unit {path} is a non-template unit.",
    errno.EUCLEAN: 'Failed to {verb} unit, "{path}" is not a valid unit name.',
    errno.ELOOP: "Failed to {verb} unit, refusing to operate on linked unit file {path}.",
    errno.ENOENT: "Failed to {verb} unit, unit {path} does not exist.",
    errno.EUNATCH: 'Failed to {verb} unit, cannot resolve specifiers in "{path}".',
}
_ONLINE = {
    errno.ERFKILL: "Unit file {path} is masked.",
    errno.EADDRNOTAVAIL: "Unit {path} is transient or generated.",
    errno.EBADSLT: "Invalid specifier in {path}.",
    errno.EIDRM: "Destination unit {path} is a non-template unit.",
    errno.EUCLEAN: '"{path}" is not a valid unit name.',
    errno.ELOOP: "Refusing to operate on alias name or linked unit file: {path}",
    errno.ENOENT: "Unit file {path} does not exist.",
    errno.EUNATCH: "Cannot resolve specifiers in {path}.",
}


def not_installable(unicode: bool) -> str:
    """The hint after enabling units that have no [Install] section."""
    return _NOT_INSTALLABLE.format("\u2022" if unicode else "*")


def describe(change: InstallChange, verb: str, *, unicode: bool) -> str:
    """One change as reported offline (and online, unless it is an error). `verb` is a verb such as "enable"."""
    path, source = change.path, change.source
    if change.kind == changes.SYMLINK:
        return f"Created symlink {path} {'→' if unicode else '->'} {source}."
    if change.kind == changes.UNLINK:
        return f'Removed "{path}".'
    if change.kind == changes.MASKED:
        return f"Unit {path} is masked, ignoring."
    if change.kind == changes.DANGLING:
        return f"Unit {path} is an alias to a unit that is not present, ignoring."
    if change.kind == changes.DESTINATION_MISSING:
        return f"Unit {source} is added as a dependency to a non-existent unit {path}."
    if change.kind == changes.AUXILIARY_FAILED:
        return f"Failed to enable auxiliary unit {path}, ignoring."
    return _describe_error(change, verb)


def _describe_error(change: InstallChange, verb: str) -> str:
    if change.error == errno.EEXIST:
        link = f' and is a symlink to "{change.source}"' if change.source else ""
        return f'Failed to {verb} unit, file "{change.path}" already exists{link}.'
    if change.error == errno.EXDEV:
        if change.source:
            return f"Failed to {verb} unit, cannot alias {change.source} as {change.path}."
        return f'Failed to {verb} unit, invalid unit reference "{change.path}".'
    if change.error in _OFFLINE:
        return _OFFLINE[change.error].format(verb=verb, path=change.path, source=change.source)
    return f'Failed to {verb} unit, file "{change.path}": {os.strerror(change.error)}'


def describe_online(change: InstallChange) -> str:
    """An error in the manager's words. The caller puts `Failed to enable unit: ` in front."""
    if change.error == errno.EEXIST:
        link = f" and is a symlink to {change.source}" if change.source else ""
        return f"File {change.path} already exists{link}."
    if change.error == errno.EXDEV:
        if change.source:
            return f"Cannot alias {change.source} as {change.path}."
        return f"Invalid unit reference {change.path}."
    if change.error in _ONLINE:
        return _ONLINE[change.error].format(path=change.path)
    return f"File {change.path}: {os.strerror(change.error)}"
