"""What a command costs as a whole process: `systemctl VERB`, with the bare interpreter as the floor.

The commands are started and timed inside the box, by one process there, so that entering the box costs nothing.
"""

from __future__ import annotations

import json

from benchmarks.figures import Results
from benchmarks.subjects import OURS, SYSTEMD, Subject, service_names
from tests.box.harness import Box

COMMANDS = "Commands"
FLOOR = "python3 -IS -c pass"

VERBS = (
    "is-active {unit}",
    "is-enabled {unit}",
    "is-system-running",
    "show {unit}",
    "show -p MainPID {unit}",
    "status {unit}",
    "list-units",
    "list-unit-files",
    "cat {unit}",
    "restart {unit}",
    "daemon-reload",
    "--version",
    "enable {unit}",
)

# Prints, as JSON, the wall-clock milliseconds of each run of each command in turn.
TIMER = """
import json, os, sys, time
commands, rounds = json.loads(sys.argv[1]), int(sys.argv[2])
null = os.open("/dev/null", os.O_RDWR)
actions = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
times = [[] for _ in commands]
for number in range(rounds + 1):
    for taken, argv in zip(times, commands):
        before = time.perf_counter()
        os.waitpid(os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions), 0)
        if number:
            taken.append((time.perf_counter() - before) * 1000)
print(json.dumps(times))
"""


def timed(box: Box, commands: list[list[str]], rounds: int) -> list[list[float]]:
    """Milliseconds of `rounds` runs of each command, after one to warm up."""
    argv = ["python3", "-ISc", TIMER, json.dumps(commands), str(rounds)]
    times: list[list[float]] = json.loads(box.run(argv, check=True, timeout=300).stdout)
    return times


def measure(results: Results, boxes: dict[Subject, Box], rounds: int) -> None:
    """Every verb in both boxes, in small turns."""
    unit = service_names(1)[0]
    verbs = [verb.format(unit=unit) for verb in VERBS]
    commands = [FLOOR.split(), *(["systemctl", *verb.split()] for verb in verbs)]
    # The floor is only meaningful in the box that ours runs in, but it is the same interpreter in both.
    titles = [FLOOR, *(f"systemctl {verb}" for verb in VERBS)]
    turn = 3
    for _ in range(max(1, rounds // turn)):
        for subject in (OURS, SYSTEMD):
            for title, taken in zip(titles, timed(boxes[subject], commands, turn)):
                about = {"budget": "≤ 3 × the bare interpreter"} if "is-active" in title else {}
                row = results.row(COMMANDS, title.format(unit="X"), "ms", **about)
                for value in taken:
                    row.add(subject.name, value)
