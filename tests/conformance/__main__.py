"""Run conformance cases under real systemd and under ours: python3 -m tests.conformance [OPTION…] [NAME…]

A NAME is a case, or the beginning of several names. Cases that are the same are counted by group, the others are named,
and differences that should not exist are shown. The last line is
`conformance: N same, N listed, N newer, N not yet, N differ`. The exit status is 1 if a case of the record is no longer
the same or no longer exists (`--record` renews `same.txt`), if a listed difference no longer differs,
or if real systemd cannot be asked on this machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.box.harness import SYSTEMD_PACKAGES, Box, BoxError
from tests.box.rootfs import BuildError
from tests.conformance import reference, systemd_tests, verdict
from tests.conformance.case import Case, CaseError, load_all
from tests.conformance.execute import Ran, Transcript, run_side
from tests.conformance.verdict import Verdict

RECORDED = Path(__file__).parent / "same.txt"
BOXES = 3  # of each side at the same time: cases wait as much as they compute
SYSTEMD, OURS = "systemd", "ours"
TOOK: list[tuple[str, Ran]] = []  # every case that has been run, and on which side
BAD = (verdict.DIFFERS, verdict.NOT_YET)
FAILING = (*BAD, verdict.STALE)


def main() -> int:
    options = _options()
    started = time.monotonic()
    try:
        cases = _select(options.names)
        _try_boxes([True, False] if not options.twice else [options.twice == SYSTEMD])
    except (CaseError, BuildError, BoxError) as error:
        print(f"conformance: not run: {error}", file=sys.stderr)
        return 2
    if not cases:
        print(f"conformance: no case begins with {' or '.join(options.names)}", file=sys.stderr)
        return 2
    if options.show:
        _show(cases, fresh=options.fresh, boxes=options.boxes)
        return 0
    if options.twice:
        verdicts = _twice(cases, options.twice == SYSTEMD, options.boxes)
    else:
        verdicts = _compare(cases, fresh=options.fresh, boxes=options.boxes)
        verdicts = _later_tries(cases, verdicts)
        verdicts = [one for one in verdicts if not options.names or one.case.startswith(tuple(options.names))]
    for line in verdict.table(verdicts, every=options.verbose, diffs=options.diff):
        print(line)
    status = 0
    if options.twice:
        status = int(any(one.kind == verdict.DIFFERS for one in verdicts))
    else:
        status = _hold_against_record(verdicts, record=options.record, whole=not options.names)
    if options.durations:
        print(*_durations(options.durations), sep="\n")
    print(f"{len(verdicts)} cases in {time.monotonic() - started:.0f} s")
    print(verdict.summary(verdicts))
    return status


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.conformance", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("-d", "--diff", action="store_true", help="print every difference, also the expected ones")
    parser.add_argument("-v", "--verbose", action="store_true", help="name also each case that is the same")
    parser.add_argument("--boxes", type=int, default=BOXES, help="boxes of each side at the same time (%(default)s)")
    parser.add_argument("--durations", type=int, default=0, metavar="N", help="name the N slowest cases")
    parser.add_argument("--fresh", action="store_true", help="run real systemd even where its answers are remembered")
    parser.add_argument("--record", action="store_true", help="record the cases that are the same")
    parser.add_argument("--show", action="store_true", help="print what real systemd shows (`newer:` cases: ours)")
    parser.add_argument("--twice", choices=(SYSTEMD, OURS), help="run one side against itself: is it repeatable?")
    return parser.parse_args()


def _select(names: Sequence[str]) -> list[Case]:
    """The cases whose names begin so. systemd's own tests are fetched only when they are asked for."""
    cases = load_all()
    group = systemd_tests.GROUP
    if not names or any(name.startswith(group) or group.startswith(name) for name in names):
        cases += systemd_tests.load()
    return [case for case in cases if not names or any(name.startswith(tuple(names)) for name in case.names())]


def _try_boxes(sides: Sequence[bool]) -> None:
    """Raise BoxError if real systemd (True) or ours (False) cannot be PID 1: a run without it would prove nothing,
    and must not pass.
    """
    for systemd in sides:
        try:
            with Box(systemd=systemd, packages=SYSTEMD_PACKAGES) as box:
                box.wait_booted()
        except (AssertionError, subprocess.SubprocessError) as error:
            raise BoxError(f"{'real systemd' if systemd else 'ours'} does not boot here: {error}") from None


def _show(cases: Sequence[Case], *, fresh: bool, boxes: int) -> None:
    shown = _references([case for case in cases if not case.newer], fresh, boxes)
    shown.update(_run([case for case in cases if case.newer], False, boxes))
    for case in cases:
        print(f"--- {case.name}", *shown[case.name].lines(), sep="\n")


def _twice(cases: Sequence[Case], systemd: bool, boxes: int) -> list[Verdict]:
    compared = [case for case in cases if not case.newer]
    first, second = _run(compared, systemd, boxes), _run(compared, systemd, boxes)
    return [one for case in compared for one in verdict.judge_all(case, first[case.name], second[case.name], {})]


def _compare(cases: Sequence[Case], *, fresh: bool, boxes: int) -> list[Verdict]:
    """Run both sides at the same time."""
    ours: dict[str, Transcript] = {}
    thread = threading.Thread(target=lambda: ours.update(_run(cases, False, boxes)))
    thread.start()
    references = _references([case for case in cases if not case.newer], fresh, boxes)
    thread.join()
    listed = verdict.listed_differences(verdict.DIFFERENCES.read_text())
    nothing = Transcript(())
    return [
        one
        for case in cases
        for one in verdict.judge_all(case, references.get(case.name, nothing), ours[case.name], listed)
    ]


def _later_tries(cases: Sequence[Case], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Run what would fail the run up to twice more, on both sides and one by one: it may have been the machine.

    These are the cases of the record that are not the same, and the listed ones that are. The table says which.
    """
    recorded = _recorded()
    judged = {one.case: one for one in verdicts}
    for attempt in ("second", "third"):
        failing = {name for name, one in judged.items() if _fails(one, recorded)}
        again = [case for case in cases if not failing.isdisjoint(case.names())]
        if not again:
            break
        for one in _compare(again, fresh=True, boxes=1):
            if one.case not in failing:
                continue
            if one.kind in FAILING:
                judged[one.case] = one
            else:
                judged[one.case] = Verdict(one.case, one.kind, f"unstable: at the {attempt} try", judged[one.case].diff)
    return [judged[one.case] for one in verdicts]


def _fails(one: Verdict, recorded: set[str]) -> bool:
    return one.kind == verdict.STALE or (one.case in recorded and one.kind in BAD)


def _run(cases: Sequence[Case], systemd: bool, boxes: int) -> dict[str, Transcript]:
    transcripts = {}
    side = SYSTEMD if systemd else OURS
    for ran in run_side(cases, systemd, boxes):
        transcripts[ran.case.name] = ran.transcript
        TOOK.append((side, ran))
        if sys.stderr.isatty():
            print(f"{side:8} {ran.case.name} {ran.seconds:.1f} s", file=sys.stderr)
    return transcripts


def _durations(count: int) -> Iterator[str]:
    """The slowest cases, and what all of a side took together."""
    for side, ran in sorted(TOOK, key=lambda took: took[1].seconds, reverse=True)[:count]:
        booting = f", {ran.booting:.1f} s of it booting" if ran.booting else ""
        yield f"{ran.seconds:6.1f} s  {side:8} {ran.case.name}{booting}"
    for side in (SYSTEMD, OURS):
        all_of_it = [ran for where, ran in TOOK if where == side]
        boots = [ran.booting for ran in all_of_it if ran.booting]
        total = sum(ran.seconds for ran in all_of_it)
        yield f"{total:6.0f} s  {side:8} {len(all_of_it)} cases, {sum(boots):.0f} s of it in {len(boots)} boots"


def _references(cases: Sequence[Case], fresh: bool, boxes: int) -> dict[str, Transcript]:
    """What real systemd shows, from the cache if it has been asked before."""
    known = {} if fresh else {case.name: reference.recall(case) for case in cases}
    transcripts = {name: transcript for name, transcript in known.items() if transcript is not None}
    unknown = [case for case in cases if case.name not in transcripts]
    transcripts.update(_run(unknown, True, boxes))
    for case in unknown:
        reference.remember(case, transcripts[case.name])
    return transcripts


def _recorded() -> set[str]:
    return set(RECORDED.read_text().splitlines()) if RECORDED.exists() else set()


def _hold_against_record(verdicts: Sequence[Verdict], *, record: bool, whole: bool) -> int:
    """1 if a case is worse than recorded or, after a run of the `whole` suite, no longer exists."""
    recorded = _recorded()
    judged = {one.case: one.kind for one in verdicts}
    if record:
        same = {name for name, kind in judged.items() if kind in (verdict.SAME, verdict.NEWER)}
        kept = set() if whole else {name for name in recorded if name not in judged}
        RECORDED.write_text("".join(f"{name}\n" for name in sorted(same | kept)))
        recorded = same | kept
    worse = sorted(name for name in recorded if judged.get(name) in BAD)
    lost = sorted(name for name in recorded if whole and name not in judged)
    stale = sorted(name for name, kind in judged.items() if kind == verdict.STALE)
    for name in worse:
        print(f"was the same and no longer is: {name}", file=sys.stderr)
    for name in lost:
        print(f"was the same, and there is no such case any more (--record forgets it): {name}", file=sys.stderr)
    for name in stale:
        print(f"listed in docs/differences.md, but no longer different: {name}", file=sys.stderr)
    return 1 if worse or lost or stale else 0


if __name__ == "__main__":
    sys.exit(main())
