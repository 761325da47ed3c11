"""Installing into an image: the vendored tree, compiled by the image's Python, and the launchers in /usr/bin.

Everything is prepared beside its final place and then renamed: a failed installation leaves the image as it was.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Optional

from systemctl_replacement.image import bus_policy, interpreter, vendor
from systemctl_replacement.image.errors import ImageError
from systemctl_replacement.paths import BUS_POLICY

HOME = "/usr/lib/systemctl-replacement"
LAUNCHER = "/usr/bin/systemctl"
JOURNALCTL = "/usr/bin/journalctl"
SYSTEMD_CAT = "/usr/bin/systemd-cat"  # an image's own works with our sockets
KEPT = ".original"
INIT = "/sbin/init"
_MARK = "systemctl_replacement.__main__"

# With -I and -S neither environment variables nor the image's site-packages change what PID 1 imports. They are one
# argument, because the kernel passes everything after the interpreter as one. The kernel drops signals that PID 1 does
# not handle unless it blocks them, which therefore comes before anything else.
_LAUNCHER_TEXT = """#!{python} -ISXutf8
import _signal, posix, sys
if posix.getpid() == 1:
    _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
sys.path.insert(0, "{home}")
from systemctl_replacement.__main__ import main
main()
"""


def install(root: str, python: Optional[str], keep_original: bool, say: Callable[[str], None]) -> None:
    """Install into the system below `root` ("" is the running one).

    `python` is the path of the interpreter inside the image (found if not given). `keep_original` renames a systemctl
    that is not ours instead of overwriting it. Progress goes to `say`. Raises ImageError and OSError.
    """
    if root and not os.path.isdir(root):
        raise ImageError(f"no directory {root}")
    found = interpreter.find(root, python)
    home = Path(root + HOME)
    _refuse_links_out_of(root, home.parent)
    fresh = home.with_name(f".{home.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(parents=True)
        vendor.copy_package(fresh)
        vendor.copy_units(fresh, sys.prefix)
        for name in vendor.DISTRIBUTIONS:
            vendor.copy_distribution(name, fresh)
        _drop_what_cannot_be_imported(found, fresh, say)
        _compile(found, fresh)
        _replace_tree(fresh, home)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    say(f"{HOME}: version for {found.path}, Python {'.'.join(map(str, found.version))}")
    for path in (LAUNCHER, JOURNALCTL):
        _write_launcher(root, path, found, keep_original, say)
    if not os.path.lexists(root + SYSTEMD_CAT) or _is_ours(Path(root + SYSTEMD_CAT)):
        _write_launcher(root, SYSTEMD_CAT, found, keep_original, say)
    _link_init(root, say)
    _write_bus_policy(root, say)


def _inside(root: str, path: Path) -> str:
    return str(path)[len(root) :]


def _refuse_links_out_of(root: str, directory: Path) -> None:
    """Refuse a directory outside of the root: followed from outside, an absolute link in an image leads to the host."""
    if root and not os.path.realpath(directory).startswith(os.path.realpath(root) + "/"):
        raise ImageError(f"{directory} leads out of {root}")


def _drop_what_cannot_be_imported(found: interpreter.Interpreter, tree: Path, say: Callable[[str], None]) -> None:
    """Leave out psutil if it does not run: it is compiled for one architecture and libc, and only `status` needs it."""
    code = f"import sys; sys.path.insert(0, {_inside(found.root, tree)!r}); import "
    if found.run(["-B", "-c", code + "click"]).returncode:
        raise ImageError(f"the click of this environment does not run on {found.path}: install click 8.1 here")
    if found.run(["-B", "-c", code + "psutil"]).returncode:
        shutil.rmtree(tree / "psutil")
        shutil.rmtree(tree / vendor.LICENCE_DIRECTORY / "psutil")
        say("psutil does not run in this image and is left out: `systemctl status` will say less of processes")


# Sources are never checked again, whatever an image build does to their times. Our own modules are compiled without
# docstrings (and the assertions, which are for the type checker): they cost PID 1 a quarter of a megabyte.
_COMPILE = """
import os, py_compile, sys
tree, home = sys.argv[1:]
for directory, _, names in os.walk(tree):
    for name in names:
        if name.endswith(".py"):
            path = os.path.join(directory, name)
            shown = home + path[len(tree):]
            level = 2 if shown.startswith(home + "/systemctl_replacement/") else 0
            compiled = os.path.join(directory, "__pycache__", f"{name[:-3]}.{sys.implementation.cache_tag}.pyc")
            py_compile.compile(path, compiled, shown, True, level, py_compile.PycInvalidationMode.UNCHECKED_HASH)
"""


def _compile(found: interpreter.Interpreter, tree: Path) -> None:
    """Byte-compile for good."""
    result = found.run(["-c", _COMPILE, _inside(found.root, tree), HOME])
    if result.returncode:
        raise ImageError(f"{found.path} cannot compile what is installed: {(result.stdout + result.stderr).strip()}")


def _replace_tree(fresh: Path, home: Path) -> None:
    old = home.with_name(f".{home.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    try:
        home.rename(old)
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.rmtree(home)  # a directory in a lower image layer cannot be renamed
    fresh.rename(home)
    shutil.rmtree(old, ignore_errors=True)


def _write_launcher(
    root: str, path: str, found: interpreter.Interpreter, keep_original: bool, say: Callable[[str], None]
) -> None:
    """Write the program at a path. What it does is told by its name."""
    launcher = Path(root + path)
    _refuse_links_out_of(root, launcher.parent)
    if os.path.lexists(launcher) and not _is_ours(launcher):
        if keep_original:
            launcher.rename(root + path + KEPT)
            say(f"{path}: the image's own is now {path}{KEPT}")
        else:
            say(f"{path}: the image's own is overwritten")
    fresh = launcher.with_name(f".{launcher.name}.new")
    if os.path.lexists(fresh):
        fresh.unlink()  # left by an interrupted installation, or a link that leads elsewhere
    with fresh.open("x", encoding="utf-8") as file:
        file.write(_LAUNCHER_TEXT.format(python=found.path, home=HOME))
    fresh.chmod(0o755)
    fresh.rename(launcher)
    say(f"{path}: written")


def _link_init(root: str, say: Callable[[str], None]) -> None:
    """Make /sbin/init a link to the launcher if there is none.

    Without an init, Debian's invoke-rc.d, and so the scripts of its packages, would start and restart nothing.
    """
    init = Path(root + INIT)
    _refuse_links_out_of(root, init.parent)
    if not os.path.lexists(init):
        init.parent.mkdir(exist_ok=True)
        init.symlink_to(LAUNCHER)
        say(f"{INIT}: now leads to {LAUNCHER}")


def _write_bus_policy(root: str, say: Callable[[str], None]) -> None:
    """Let the system bus ask us to start units, also one that is installed later."""
    policy = Path(root + BUS_POLICY)
    _refuse_links_out_of(root, policy.parent)
    bus_policy.write(policy)
    say(f"{BUS_POLICY}: written")


def _is_ours(launcher: Path) -> bool:
    """Whether a file is a launcher of ours. A link is not, because somebody else has chosen it."""
    if launcher.is_symlink() or not launcher.is_file():
        return False
    with launcher.open("rb") as file:
        return _MARK.encode() in file.read(4096)
