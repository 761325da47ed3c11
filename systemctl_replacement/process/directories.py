"""RuntimeDirectory=, StateDirectory=, CacheDirectory=, LogsDirectory= and ConfigurationDirectory=. systemd.exec(5)."""

from __future__ import annotations

import errno
import os
import stat

from systemctl_replacement.defaults import PRIVATE
from systemctl_replacement.process.step import APPLIED, StepFailed
from systemctl_replacement.tree_walk import OPEN_DIRECTORY, make_directory, open_parent, remove, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from systemctl_replacement.exec_directories import DirectoryKind
    from systemctl_replacement.process.child import Child
    from systemctl_replacement.process.exec_spec import Directories, Directory
    from systemctl_replacement.process.step import Outcome

# The mode of the directory above what dynamic users own: others may pass through, but not list it. (systemd lets nobody
# pass, and brings the service there with a mount namespace.)
_PRIVATE_MODE = 0o711


def step_for(kind: DirectoryKind) -> Callable[[Child], Outcome]:
    """The step that makes the directories of one kind. StepFailed names the directory that they are below."""

    def make_directories(child: Child) -> Outcome:
        uid = child.account.uid if child.account else os.geteuid()
        gid = child.gid if child.gid is not None else os.getegid()
        for wanted in child.spec.directories:
            if wanted.directive == kind.directive:
                try:
                    child.variables[kind.variable] = make(wanted, uid, gid)
                except OSError as error:
                    raise StepFailed(f"Failed to set up special execution directory in {wanted.base}", error) from None
        return APPLIED

    return make_directories


def make(wanted: Directories, uid: int, gid: int) -> str:
    """Make the directories of one kind, owned by the unit's user. Returns the value of their variable. OSError.

    A directory that exists and belongs to another user is given to the unit's user with everything below it. An
    existing configuration directory keeps its owner, as services do not write to it.
    """
    paths = []
    base, mode = wanted.base, wanted.mode
    for directory in wanted.directories:
        name = directory.name
        path, private = os.path.join(base, name), os.path.join(base, PRIVATE, name)
        if wanted.private:
            _make_private_base(os.path.join(base, PRIVATE))
            _move(base, name, private)
            # systemd keeps everybody out one level up.
            real, mode = private, wanted.mode & 0o700
        else:
            _move_back(private, path)
            real = path
        _make_one(real, mode, uid, gid, keep=wanted.directive == "ConfigurationDirectory")
        if real != path and not _is_below(name, wanted.directories):
            _link(real, path)
        for link in directory.links:
            _link(path, os.path.join(base, link))
        paths.append(path.replace("\\", "\\\\").replace(":", "\\:"))
    return ":".join(paths)


def _is_below(name: str, directories: Iterable[Directory]) -> bool:
    """Whether one of the other directories has this one in it: the link to that one leads here, too."""
    return any(name.startswith(f"{directory.name}/") for directory in directories)


def owned(kinds: Iterable[Directories]) -> list[str]:
    """The directories that the unit's user may still own from the last run."""
    found = []
    for wanted in kinds:
        if wanted.directive != "ConfigurationDirectory":
            base = os.path.join(wanted.base, PRIVATE) if wanted.private else wanted.base
            found += [os.path.join(base, directory.name) for directory in wanted.directories]
    return found


def _make_private_base(path: str) -> None:
    above, name = open_parent(path, make=True)
    try:
        make_directory(above, name, _PRIVATE_MODE)
        fd = os.open(name, OPEN_DIRECTORY, dir_fd=above)
        try:
            if os.fstat(fd).st_mode & 0o777 != _PRIVATE_MODE:  # one that systemd made in the image has 0700
                os.fchmod(fd, _PRIVATE_MODE)
        finally:
            os.close(fd)
    finally:
        os.close(above)


def _move(base: str, name: str, private: str) -> None:
    """Move a directory from the time before the unit had DynamicUser=, unless it is a symbolic link."""
    if os.path.lexists(private):
        return
    parts = name.split("/")
    fd = os.open(base, OPEN_DIRECTORY) if os.path.isdir(base) else -1
    try:
        for part in parts[:-1]:
            below = os.open(part, OPEN_DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = below
        if fd >= 0 and stat.S_ISDIR(os.stat(parts[-1], dir_fd=fd, follow_symlinks=False).st_mode):
            _rename(fd, parts[-1], private)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise
    finally:
        if fd >= 0:
            os.close(fd)


def _move_back(private: str, public: str) -> None:
    """Move a directory back: the unit no longer has DynamicUser=."""
    if os.path.islink(public) and os.path.realpath(public) == os.path.realpath(private) and os.path.isdir(private):
        fd, name = open_parent(private)
        try:
            remove(public)
            _rename(fd, name, public)
        finally:
            os.close(fd)


def _rename(fd: int, name: str, path: str) -> None:
    above, last = open_parent(path, make=True)
    try:
        os.rename(name, last, src_dir_fd=fd, dst_dir_fd=above)
    finally:
        os.close(above)


def _make_one(path: str, mode: int, uid: int, gid: int, keep: bool) -> None:
    """Make a directory and give it to the user. With `keep` one that exists is left as it is."""
    above, name = open_parent(path, make=True)
    try:
        if keep and os.path.isdir(path):
            return
        make_directory(above, name, mode)
        _give(above, name, uid, gid, mode)
    finally:
        os.close(above)


def _give(above: int, name: str, uid: int, gid: int, mode: int) -> None:
    # A symbolic link in its place is refused, as by systemd: a service that owns the parent could lead us anywhere.
    fd = os.open(name, OPEN_DIRECTORY, dir_fd=above)
    try:
        os.fchmod(fd, mode)
        status = os.fstat(fd)
        if (status.st_uid, status.st_gid) != (uid, gid):
            give_tree(fd, uid, gid)
            os.fchmod(fd, mode)  # chown(2) clears the set-user-ID and set-group-ID bits
    finally:
        os.close(fd)


def give_tree(fd: int, uid: int, gid: int) -> None:
    """Change the owner of a directory and of everything below it. Links that users make there are not followed."""

    def give(above: int, name: str) -> None:
        os.chown(name, uid, gid, dir_fd=above, follow_symlinks=False)

    walk(fd, give, give)
    os.fchown(fd, uid, gid)


def _link(target: str, link: str) -> None:
    text = os.path.relpath(target, os.path.dirname(link))
    above, name = open_parent(link, make=True)
    try:
        os.symlink(text, name, dir_fd=above)
    except FileExistsError:
        if not _is_link(above, name, text):
            raise
    finally:
        os.close(above)


def _is_link(above: int, name: str, text: str) -> bool:
    try:
        return os.readlink(name, dir_fd=above) == text
    except OSError:
        return False
