"""The replacement as one file, which is copied into an image by hand and unpacks itself there.

It is a Python program, and the rest of it is in comments at its end. They cost a client less than a millisecond; a zip
archive would cost tens, because Python imports what it needs to run one before the first statement of ours, and
whoever asks for `systemctl is-active` would pay it each time.
"""

from __future__ import annotations

import binascii
import hashlib
import marshal
import tempfile
import zlib
from pathlib import Path
from typing import Union

from systemctl_replacement import __version__
from systemctl_replacement.image import tree

_START = Path(__file__).with_name("one_file_start.py")
# Bytes in a line of the packed part. Longer lines are read faster (shorter ones than these cost milliseconds).
_WIDTH = 48000


def build(target: Path, _when: int) -> list[Path]:
    """Make the file in a directory. ImageError, OSError."""
    with tempfile.TemporaryDirectory() as scratch:
        tree.build(Path(scratch))
        # Version 2 of the format holds no references, which differ from one run to the next.
        packed = zlib.compress(marshal.dumps(contents(Path(scratch)), 2), 9)
    digest = hashlib.sha256(packed).hexdigest()[:12]
    start = _START.read_text(encoding="utf-8").replace("@VERSION@", __version__).replace("@DIGEST@", digest)
    lines = [b"#:" + binascii.b2a_base64(packed[at : at + _WIDTH]) for at in range(0, len(packed), _WIDTH)]
    path = target / f"systemctl-replacement-{__version__}.py"
    path.write_bytes(start.encode() + b"".join(lines))
    path.chmod(0o755)
    return [path]


def contents(directory: Path) -> list[tuple[str, Union[bytes, str]]]:
    """What is below a directory, sorted: paths with the bytes of files, or the text of links."""
    found: list[tuple[str, Union[bytes, str]]] = []
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            found.append((name, str(path.readlink())))
        elif path.is_file():
            found.append((name, path.read_bytes()))
    return found
