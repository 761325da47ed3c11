"""A cache of what real systemd showed. It is valid as long as the case, and the way it is run, stay the same."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Optional

from tests.box import rootfs
from tests.box.harness import SYSTEMD_PACKAGES
from tests.conformance.case import Case
from tests.conformance.execute import Transcript, way_to_run

_MADE_EQUAL_BY = ("known_journal.py", "manager_log.py", "normalise.py")


def _path(case: Case) -> Path:
    digest = hashlib.sha256()
    for name in _MADE_EQUAL_BY:
        digest.update((Path(__file__).parent / name).read_bytes())
    digest.update("\0".join(str(layer) for layer in rootfs.layers(list(SYSTEMD_PACKAGES))).encode())
    digest.update(way_to_run(case).encode(errors="surrogateescape"))
    digest.update(repr(case).encode(errors="surrogateescape"))
    return rootfs.cache_directory() / "conformance" / f"{digest.hexdigest()[:24]}.json"


def recall(case: Case) -> Optional[Transcript]:
    """What real systemd showed in an earlier run of exactly this case."""
    try:
        return Transcript.from_json(json.loads(_path(case).read_text()))
    except FileNotFoundError:
        return None


def remember(case: Case, transcript: Transcript) -> None:
    """Keep what real systemd showed, unless the case could not be run to its end."""
    if transcript.problem:
        return
    path = _path(case)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.new")
    temporary.write_text(json.dumps(transcript.as_json()))
    temporary.replace(path)
