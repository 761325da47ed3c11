"""Drawn sequences of file operations: what they trigger under real systemd they trigger here, many paths in one boot.

How often something was triggered on the way is a matter of timing; whether the last change has is not.
SYSTEMCTL_EXAMPLES=N draws N paths instead of a few (systemd takes 128 at most), SYSTEMCTL_SEED=N others.
"""

from __future__ import annotations

import json
import os
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.box.harness import Box

EXAMPLES = int(os.environ.get("SYSTEMCTL_EXAMPLES", "30"))
SEED = int(os.environ.get("SYSTEMCTL_SEED", "252"))

pytestmark = pytest.mark.box

CONDITIONS = ("PathExists", "PathExistsGlob", "DirectoryNotEmpty")
KINDS = (*CONDITIONS, "PathChanged", "PathModified")
PATHS = ("a", "a/b", "a/b", "l", "l/b")
NAMES = ("a", "a", "a/b", "a/b", "a/b/c", "l", "z")

# Runs in the box: the operations of all paths but the last of each, then the last; what is triggered is looked at
# before and after. Each unit's path is below a directory of its own.
RUNNER = """
import json, os, shutil, subprocess, sys, time
def call(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout
def do(what, at, to):
    try:
        if what == "mkdir": os.mkdir(at)
        elif what == "write":
            with open(at, "w") as file: file.write("x")
        elif what == "remove":
            shutil.rmtree(at) if os.path.isdir(at) and not os.path.islink(at) else os.unlink(at)
        elif what == "rename": os.rename(at, to)
        elif what == "link": os.symlink(to, at)
        elif what == "chmod": os.chmod(at, 0o700)
    except OSError: pass
def states():
    names = [f"p{number}.{kind}" for number in range(len(drawn)) for kind in ("path", "service")]
    return call("systemctl", "show", "-p", "SubState", "-p", "ExecMainStartTimestampMonotonic", *names)
def settle():
    last, same = None, 0
    while same < 3:
        now = states()
        last, same = now, same + 1 if now == last else 0
        time.sleep(0.1)
def runs():
    found = []
    for number in range(len(drawn)):
        try: found.append(os.stat(f"/srv/runs/{number}").st_size)
        except OSError: found.append(0)
    return found
drawn = json.load(open("/srv/drawn"))
os.mkdir("/srv/runs")
for number in range(len(drawn)): os.mkdir(f"/srv/{number}")
call("systemctl", "start", *[f"p{number}.path" for number in range(len(drawn))])
for number, operations in enumerate(drawn):
    os.chdir(f"/srv/{number}")
    for operation in operations[:-1]: do(*operation)
settle()
call("systemctl", "stop", *[f"p{number}.service" for number in range(len(drawn))])
settle()
before = runs()
waiting = [call("systemctl", "show", "-P", "SubState", f"p{number}.path").strip() for number in range(len(drawn))]
for number, operations in enumerate(drawn):
    os.chdir(f"/srv/{number}")
    do(*operations[-1])
settle()
after = runs()
ending = [call("systemctl", "show", "-P", "SubState", f"p{number}.path").strip() for number in range(len(drawn))]
json.dump([waiting, [a > b for a, b in zip(after, before)], ending], sys.stdout)
"""


def draw(choose: random.Random) -> tuple[str, str, list[tuple[str, str, str]]]:
    """What a path looks for, where, and what is done there."""
    kind = choose.choice(KINDS)
    path = choose.choice(PATHS)
    if kind == "PathExistsGlob":
        path = choose.choice(("?", "a/?", "a/*/c", "l*"))
    operations = []
    for _ in range(choose.randint(2, 9)):
        what = choose.choice(("mkdir", "mkdir", "write", "write", "remove", "rename", "link", "chmod"))
        to = choose.choice(("a", "z", "a/b")) if what == "link" else choose.choice(NAMES)
        operations.append((what, choose.choice(NAMES), to))
    # Something is there, or on the way, and the last is about it.
    operations.insert(choose.randint(0, len(operations)), ("mkdir", path.partition("/")[0].replace("?", "a"), ""))
    last = choose.choice(("mkdir", "write", "write", "remove", "rename", "rename", "link"))
    near = choose.choice((path, path, path.partition("/")[0])).replace("?", "a").replace("*", "b")
    operations.append((last, *((choose.choice(NAMES), near) if last == "rename" else (near, choose.choice(NAMES)))))
    return kind, path, operations


def outcome(drawn: list[Any], *, systemd: bool) -> list[tuple[str, bool, str]]:
    """Of each path: its state before the last operation, whether that has triggered, and the state afterwards."""
    files = {"/srv/drawn": json.dumps([operations for _, _, operations in drawn]), "/srv/runner.py": RUNNER}
    for number, (kind, path, _) in enumerate(drawn):
        stays = "yes" if kind in CONDITIONS else "no"
        files[f"/etc/systemd/system/p{number}.path"] = f"[Path]\n{kind}=/srv/{number}/{path}\n"
        files[f"/etc/systemd/system/p{number}.service"] = (
            "[Unit]\nStartLimitIntervalSec=0\n"
            f"[Service]\nType=oneshot\nRemainAfterExit={stays}\nExecStart=/bin/sh -c 'echo >>/srv/runs/{number}'\n"
        )
    with Box(systemd=systemd, files=files) as box:
        box.wait_booted()
        found = json.loads(box.run(["python3", "/srv/runner.py"], timeout=120, check=True).stdout)
    return list(zip(*found))


def test_whatever_happens_last_is_noticed() -> None:
    choose = random.Random(SEED)
    drawn = [draw(choose) for _ in range(EXAMPLES)]
    with ThreadPoolExecutor() as pool:  # most of the time each waits
        expected, found = pool.map(lambda systemd: outcome(drawn, systemd=systemd), (True, False))
    differences = []
    for (kind, path, operations), real, ours in zip(drawn, expected, found):
        # Ours looks further: behind links to nothing, and into directories whose names match.
        further = kind == "PathExistsGlob" or any(what == "link" for what, _, _ in operations)
        if real != ours and not (further and (not real[1] or ours[1] or ours[0] == "running")):
            differences.append(f"{kind}={path} {operations}: systemd {real}, ours {ours}")
    assert not differences, "\n".join(differences)
