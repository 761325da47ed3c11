"""`python -m benchmarks [--quick] [--only SECTION…] [--readme]`: measure, print the results, and write those of all."""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks import activation, clients, journal_queries, lives, logs, report, steady
from benchmarks.figures import Results
from benchmarks.subjects import ALL_SUBJECTS, OURS, RUNIT, S6, SUPERVISORD, SYSTEMD, UNIT_SUBJECTS, service_names
from systemctl_replacement import __version__
from tests.box import rootfs

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.md"
PARTS = ("lives", "steady", "commands", "logs", "queries", "activation", "loading")


def say(text: str) -> None:
    """Progress, on a line of its own."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def parse(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repetitions, small numbers, ours and systemd only")
    parser.add_argument("--rounds", type=int, help="repetitions (default: 5, quick: 2)")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="these parts")
    parser.add_argument("--readme", action="store_true", help="put the ratios into README.md, too")
    parser.add_argument("--output", type=Path, help=f"default: {RESULTS} for all parts, none for some of them")
    return parser.parse_args(argv)


def versions() -> dict[str, str]:
    """The versions of what is compared, as installed in the boxes."""
    found = {"ours": __version__}
    with SYSTEMD.make() as box:
        box.boot()
        box.wait_booted()
        found["systemd"] = box.run("systemctl --version").stdout.splitlines()[0]
        found["Python in the boxes"] = box.run("python3 --version").stdout.strip()
    return found


def measure(results: Results, parts: list[str], quick: bool, rounds: int) -> None:
    """Run all parts that are asked for."""
    if "lives" in parts:
        counts = [0, 1, 10, 100] if quick else [0, 1, 10, 100, 500]
        lives.measure(results, say, counts, rounds, UNIT_SUBJECTS if quick else ALL_SUBJECTS)
        lives.foreground(results, say, rounds)
    if {"steady", "commands", "logs"} & set(parts):
        with ExitStack() as stack:
            subjects = UNIT_SUBJECTS if quick else (OURS, SYSTEMD, S6, RUNIT, SUPERVISORD)
            say("booting one box of each")
            boxes = {subject: steady.booted(stack, subject, service_names(10)) for subject in subjects}
            with_units = {subject: boxes[subject] for subject in UNIT_SUBJECTS}
            if "steady" in parts:
                say("idle")
                steady.idle(results, boxes)
                say("restarts")
                steady.restarts(results, boxes, 2 * rounds)
                say("orphans")
                steady.orphans(results, boxes, [1000] if quick else [1000, 5000], (rounds + 1) // 2)
            if "commands" in parts:
                say("commands")
                clients.measure(results, with_units, 4 * rounds)
            if "logs" in parts:
                say("logs")
                steady.logs(results, with_units, (rounds + 1) // 2)
    if "logs" in parts:
        logs.measure(results, say, UNIT_SUBJECTS, (rounds + 1) // 2)
    if "queries" in parts:
        journal_queries.measure(results, say, [10] if quick else [10, 1000], (rounds + 1) // 2)
    if "activation" in parts:
        activation.measure(results, say, 2 * rounds)
    if "loading" in parts:
        steady.loading(results, say, [100, 1000] if quick else [100, 1000, 5000], (rounds + 1) // 2)


def main() -> int:
    """Run the benchmarks, write the results, and say where they are."""
    options = parse(sys.argv[1:])
    if os.geteuid() != 0:
        print("boxes need root", file=sys.stderr)
        return 1
    say("root file systems")
    rootfs.layers(())
    found = versions()
    before = os.getloadavg()[0]
    results = Results()
    rounds = options.rounds or (2 if options.quick else 5)
    measure(results, options.only, options.quick, rounds)
    load = f"{before:.1f} at the beginning, {os.getloadavg()[0]:.1f} at the end"
    text = report.markdown(results, found, load, options.quick)
    output = options.output or (RESULTS if set(options.only) == set(PARTS) else None)
    if output is not None:
        output.write_text(text, encoding="utf-8")
    if options.readme:
        report.update_readme(HERE.parent / "README.md", results)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
