#!/usr/bin/python3 -ISXutf8
# systemctl-replacement @VERSION@ in one file, for /usr/bin/systemctl (and links to it: journalctl, systemd-cat, init).
# What follows the program is the rest of it, packed. It is unpacked once: by root into /usr/lib, in an image that is
# read-only into /run, by others into a directory of their own.
import _signal  # type: ignore[import-not-found]
import posix
import sys

if posix.getpid() == 1:
    _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
if not sys.flags.isolated:
    posix.execv(sys.executable, [sys.executable, "-ISXutf8", *sys.argv])

NAME = "systemctl-replacement-@DIGEST@"
USER = posix.geteuid()
PLACES = [f"/usr/lib/{NAME}", f"/run/{NAME}", f"/tmp/{NAME}-{USER}", f"/dev/shm/{NAME}-{USER}"]


def is_ready(place: str) -> bool:
    """Whether it is unpacked there, and nobody else can have done that, or can change it."""
    try:
        above, here = posix.stat(place.rpartition("/")[0]), posix.lstat(place)
    except OSError:
        return False
    own = {above.st_uid, here.st_uid} <= {0, USER} and here.st_mode & 0o170000 == 0o040000
    return own and not here.st_mode & 0o022 and (not above.st_mode & 0o022 or bool(above.st_mode & 0o1000))


def unpack() -> None:
    """Unpack into the first place where that is possible, in a process of its own: PID 1 stays as small as it is.

    The place appears when everything is in it. Somebody else may have made it meanwhile.
    """
    import binascii
    import marshal
    import os
    import shutil
    import tempfile
    import zlib

    os.umask(0o022)
    with open(__file__, "rb") as file:
        lines = [line[2:] for line in file if line.startswith(b"#:")]
    contents = marshal.loads(zlib.decompress(binascii.a2b_base64(b"".join(lines))))
    for place in PLACES:
        try:
            fresh = tempfile.mkdtemp(prefix=f".{NAME}.", dir=os.path.dirname(place))
        except OSError:
            continue
        try:
            fill(fresh, contents)
            # In an image it is compiled for good. A boot does not wait for that: what it imports is compiled by that.
            if place == PLACES[0] and os.getppid() != 1:
                script = f"{fresh}/systemctl_replacement/image/bytecode.py"
                command = [sys.executable, "-IS", "-X", "no_debug_ranges", script, fresh, place]
                os.spawnv(os.P_WAIT, sys.executable, command)
            os.chmod(fresh, 0o755)
            os.rename(fresh, place)
        except OSError:
            shutil.rmtree(fresh, ignore_errors=True)
        if is_ready(place):
            return


def fill(directory: str, contents: list[tuple[str, object]]) -> None:
    """Write what is packed: pairs of a path and the bytes of a file, or the text of a link."""
    import os

    for path, content in contents:
        target = f"{directory}/{path}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if isinstance(content, str):
            os.symlink(content, target)
        elif isinstance(content, bytes):
            with open(target, "xb") as file:
                file.write(content)


def run() -> None:
    """Be the program that the name asks for."""
    for again in (False, True):
        for place in PLACES:
            if is_ready(place):
                sys.path.insert(0, place)
                if sys.argv[0].rpartition("/")[2].startswith("systemctl-replacement"):
                    from systemctl_replacement.image.command import run as main
                else:
                    from systemctl_replacement.__main__ import main
                main()
                return
        if not again:
            child = posix.fork()
            if child == 0:
                try:
                    unpack()
                except BaseException as error:
                    posix.write(2, f"{sys.argv[0]} is damaged: {error!r}\n".encode())
                posix._exit(0)
            posix.waitpid(child, 0)
    posix.write(2, f"{sys.argv[0]} cannot be unpacked into one of {', '.join(PLACES)}\n".encode())
    posix._exit(1)


run()
