"""LoadCredential=, ImportCredential= and SetCredential=: small secrets in files of the unit's own. systemd.exec(5).

systemd keeps them in a file system of their own, which takes a privilege that containers lack. Here they are files on
/run, which only the unit's user and root can read, and which are gone when the unit is down.
"""

from __future__ import annotations

import _socket
import errno
import os
import stat

from systemctl_replacement import syscalls
from systemctl_replacement.process.step import APPLIED, NotPossible, StepFailed
from systemctl_replacement.tree_walk import OPEN_DIRECTORY, make_directory, open_parent, remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from systemctl_replacement.process.child import Child
    from systemctl_replacement.process.exec_spec import Credentials
    from systemctl_replacement.process.step import Outcome

# Bytes of all credentials of a unit, with their names; systemd's limit, too.
_MOST = 1 << 20
_LONGEST_ADDRESS = 108
_DAC_OVERRIDE = 1 << 1
_GONE = (errno.ENOENT, errno.ENOTDIR)


def set_up(child: Child) -> Outcome:
    """Collects the credentials and puts them where the program finds them. OSError, StepFailed.

    Commands that come later than the start only find what it has left, as under systemd: what is missing by then keeps
    none of them from running.
    """
    wanted = child.spec.credentials
    if wanted is None:
        return APPLIED
    if child.spec.sandbox.root_directory not in ("", "/"):
        return NotPossible("Credentials are not below RootDirectory=, running without them.")
    if wanted.afresh:
        _put(wanted.directory, collect(wanted), child.account.uid if child.account else os.geteuid())
    child.variables["CREDENTIALS_DIRECTORY"] = wanted.directory
    return APPLIED


def collect(wanted: Credentials) -> dict[str, bytes]:
    """The credentials by name. One that is loaded has precedence over one that is imported, and that over one that the
    unit itself gives. OSError, StepFailed."""
    collection = _Collection()
    given = {credential.name: credential.content for credential in wanted.given}
    for name, source in {credential.name: credential.source for credential in wanted.loaded}.items():
        try:
            _load(collection, wanted, name, source)
        except OSError as error:
            optional = not source.startswith("/") or name in given
            if not optional or error.errno not in _GONE:
                raise StepFailed(f"Failed to read credential '{name}'", error) from None
    for store in wanted.stores:
        for path in _matching(store, wanted.imported):
            name = os.path.basename(path)
            if name not in collection.found:
                collection.add(name, _read_file(path, collection.left))
    for name, content in given.items():
        if name not in collection.found:
            collection.add(name, content)
    return collection.found


class _Collection:
    """Credentials by name, and how many bytes of further ones there may be: no more is read than that."""

    def __init__(self) -> None:
        self.found: dict[str, bytes] = {}
        self.left = _MOST

    def add(self, name: str, content: bytes) -> None:
        """OSError E2BIG if that is too much."""
        self.left -= len(os.fsencode(name)) + len(content)
        if self.left < 0:
            raise _too_much()
        self.found[name] = content


def _too_much() -> OSError:
    return OSError(errno.E2BIG, os.strerror(errno.E2BIG))


def _load(collection: _Collection, wanted: Credentials, name: str, source: str) -> None:
    """Add what one LoadCredential= gives: a path may be that of a directory, or of a socket that somebody writes to."""
    if not source.startswith("/"):
        collection.add(name, _read_file(_in_a_store(wanted.stores, source), collection.left))
        return
    mode = os.stat(source).st_mode
    if stat.S_ISDIR(mode):
        for below, path in _files_below(source):
            collection.add(f"{name}_{below}", _read_file(path, collection.left))
    elif stat.S_ISSOCK(mode):
        collection.add(name, _read_socket(source, f"unit/{wanted.unit}/{name}", collection.left))
    else:
        collection.add(name, _read_file(source, collection.left))


def _in_a_store(stores: tuple[str, ...], name: str) -> str:
    """The path of a credential that was passed to the manager, or that the administrator has stored. OSError."""
    for store in stores if "/" not in name else ():
        path = f"{store}/{name}"
        if os.path.lexists(path):
            return path
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


def _matching(store: str, patterns: tuple[str, ...]) -> Iterator[str]:
    if not patterns:
        return
    try:
        names = sorted(os.listdir(store))
    except OSError:
        return  # nobody has made it
    for name in names:
        if any(syscalls.matches(name, pattern) for pattern in patterns) and os.path.isfile(f"{store}/{name}"):
            yield f"{store}/{name}"


def _files_below(directory: str) -> Iterator[tuple[str, str]]:
    """(name, path) of each file: the names of the directories on the way to it and its own, joined with "_"."""
    for entry in sorted(os.listdir(directory)):
        path = f"{directory}/{entry}"
        if os.path.isdir(path) and not os.path.islink(path):
            for below, file in _files_below(path):
                yield f"{entry}_{below}", file
        elif os.path.isfile(path):
            yield entry, path


def _read_file(path: str, most: int) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        return _read_all(lambda size: os.read(fd, size), most)
    finally:
        os.close(fd)


def _read_socket(path: str, whose: str, most: int) -> bytes:
    """What somebody writes until they close. They can tell by our address for whom it is."""
    socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        ours = b"\0" + f"{os.urandom(8).hex()}/{whose}".encode("utf-8", "surrogateescape")
        if len(ours) <= _LONGEST_ADDRESS:
            socket.bind(ours)
        socket.connect(path)
        return _read_all(socket.recv, most)
    finally:
        socket.close()


def _read_all(read: Callable[[int], bytes], most: int) -> bytes:
    chunks: list[bytes] = []
    while chunk := read(65536):
        chunks.append(chunk)
        most -= len(chunk)
        if most < 0:
            raise _too_much()
    return b"".join(chunks)


def _put(directory: str, credentials: dict[str, bytes], uid: int) -> None:
    """Makes the directory anew with these files: nobody finds one that is not complete. OSError."""
    above, name = open_parent(directory, make=True)
    fresh = f".{os.getpid()}"
    beside = f"{directory.rpartition('/')[0]}/{fresh}"
    try:
        remove(beside)  # of a process that was killed
        make_directory(above, fresh, 0o700)
        _fill(above, fresh, credentials, uid)
        remove(directory)
        os.rename(fresh, name, src_dir_fd=above, dst_dir_fd=above)
    except BaseException:
        remove(beside)
        raise
    finally:
        os.close(above)


def _fill(above: int, fresh: str, credentials: dict[str, bytes], uid: int) -> None:
    fd = os.open(fresh, OPEN_DIRECTORY, dir_fd=above)
    try:
        for name, content in credentials.items():
            file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o400, dir_fd=fd)
            try:
                left = memoryview(content)
                while left:
                    left = left[os.write(file, left) :]
                os.fchown(file, uid, -1)
            finally:
                os.close(file)
        os.fchown(fd, uid, -1)
        # Whoever may not do everything must be able to remove the files again.
        os.fchmod(fd, 0o500 if syscalls.get_capabilities()[0] & _DAC_OVERRIDE else 0o700)
    finally:
        os.close(fd)
