"""Reading what was logged: the same messages in journald's files and in ours, asked for by the same command lines.

The messages are those of twenty units over a day that ends now, half of them of one unit. They are made in each box
from one seed; journald's files are written by systemd-journal-remote, ours by our writer.
"""

from __future__ import annotations

import json

from benchmarks.clients import FLOOR
from benchmarks.figures import Results, Say
from benchmarks.subjects import OURS, SYSTEMD, Subject
from systemctl_replacement.image.names import HOME
from tests.box.harness import Box

QUERIES = "Reading the log"
DIRECTORY = "/var/lib/bench/journal"
BOOT = "0123456789abcdef0123456789abcdef"
REMOTE = "systemd-journal-remote"

# argv: subject, directory, number of messages, boot id, where our package is.
MESSAGES = """
import os, random, sys, time
subject, directory, count, boot, home = sys.argv[1:]
draw, count, day = random.Random(7), int(count), 86_400_000_000
begun = time.time_ns() // 1000 - day
texts = (
    "GET /index.html?session=%d HTTP/1.1 200", "connection from 10.0.0.%d closed", "worker %d finished in 12 ms",
    "cache miss for key user:%d", "needle in the haystack %d",
)
if subject == "ours":
    sys.path.insert(0, home)
    from systemctl_replacement.journal.writer import Writer
    writers = {}
for number in range(count):
    unit = 0 if draw.random() < 0.5 else draw.randrange(20)
    text = texts[draw.randrange(4)] if draw.random() < 0.9999 else texts[4]
    monotonic = 1_000_000 + day * number // count
    fields = {
        "SYSLOG_FACILITY": "3", "_UID": "0", "_GID": "0", "_COMM": "worker", "_EXE": "/usr/bin/worker",
        "_CMDLINE": "/usr/bin/worker --daemon", "_MACHINE_ID": "ef" * 16, "_HOSTNAME": "box",
        "_SYSTEMD_UNIT": f"u{unit}.service", "_SYSTEMD_INVOCATION_ID": f"{unit:032x}", "_BOOT_ID": boot,
        "_TRANSPORT": "stdout", "_PID": str(100 + unit), "SYSLOG_IDENTIFIER": "worker",
        "PRIORITY": "6" if draw.random() < 0.99 else "3", "MESSAGE": text % draw.randrange(100_000),
    }
    when = begun + monotonic, monotonic
    if subject == "ours":
        if unit not in writers:
            path = f"{directory}/u{unit}.service.journal.jsonl"
            writers[unit] = Writer(path, {"max_use": 0, "max_file_size": 1 << 24})
        writers[unit].write(fields, when)
    else:
        print(f"__REALTIME_TIMESTAMP={when[0]}", f"__MONOTONIC_TIMESTAMP={when[1]}",
              *map("=".join, fields.items()), "", sep="\\n")
"""
IMPORT = f"/lib/systemd/{REMOTE} --split-mode=none --seal=no --output={DIRECTORY}/bench.journal -"

# What is asked; how its row is called if that is not the same. Of what is long only the size is looked at.
COMMANDS = (
    ("-n 10", 3),
    ("-u u3 -n 10", 3),
    ("--since -1h", 2),
    (f"-b {BOOT} -o json", 2),
    ("-g needle", 2),
    ("-p err -o cat", 2),
    ("--list-boots", 2),
)
BYTES_PER_MESSAGE = 560  # of ours, about
# Milliseconds of each run, after one that nobody counts if it is short.
TIMER = """
import json, subprocess, sys, time
commands, rounds = json.loads(sys.argv[1]), int(sys.argv[2])
times = []
for argv in commands:
    taken = []
    for number in range(rounds + 1):
        before = time.perf_counter()
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            while process.stdout.read(1 << 20):
                pass
        assert process.returncode == 0, argv
        taken.append((time.perf_counter() - before) * 1000)
    times.append(taken[1:])
print(json.dumps(times))
"""


def measure(results: Results, say: Say, megabytes: list[int], rounds: int) -> None:
    """Every query over journals of each size: of ours; journald's have the same messages."""
    for size in megabytes:
        for subject in (OURS, SYSTEMD):
            say(f"queries over {size:,} MB: {subject.name}")
            with _box(subject) as box:
                count = size * 1_000_000 // BYTES_PER_MESSAGE
                _lay_down(box, subject, count)
                used = int(box.run(f"du -sB1 {DIRECTORY}", check=True).stdout.split()[0])
                results.row(QUERIES, f"disk used per message ({size:,} MB)", "bytes").add(subject.name, used / count)
                argv = [FLOOR.split(), *(["journalctl", "-q", "-D", DIRECTORY, *each.split()] for each, _ in COMMANDS)]
                timer = ["python3", "-ISc", TIMER, json.dumps(argv), str(rounds)]
                times = json.loads(box.run(timer, check=True, timeout=1200).stdout)
                titles = [FLOOR, *(f"journalctl {each.replace(BOOT, 'ID')}" for each, _ in COMMANDS)]
                limits = [None, *(limit for _, limit in COMMANDS)]
                for title, limit, taken in zip(titles, limits, times):
                    budget = (
                        "" if limit is None else f"≤ {limit} × {'the bare interpreter' if limit == 3 else 'journalctl'}"
                    )
                    row = results.row(QUERIES, f"{title} ({size:,} MB)", "ms", budget=budget)
                    for value in taken:
                        row.add(subject.name, value)


def _box(subject: Subject) -> Box:
    return Box(systemd=subject is SYSTEMD, packages=[REMOTE] if subject is SYSTEMD else [])


def _lay_down(box: Box, subject: Subject, count: int) -> None:
    box.wait_booted()
    box.write("/usr/local/lib/messages", MESSAGES)
    make = f"mkdir -p {DIRECTORY}; python3 -IS /usr/local/lib/messages {subject.name} {DIRECTORY} {count} {BOOT} {HOME}"
    box.run(make if subject is OURS else f"{make} | {IMPORT}", check=True, timeout=1800)
