"""Run conformance cases under real systemd and under ours: python3 -m tests.conformance [OPTION…] [NAME…]

A NAME is a case, or the beginning of the names of several. Without options the table of all cases is printed; the last
line is `conformance: N same, N listed, N newer, N not yet, N differ`. The exit status is 1 if a case differs that did
not in the recorded run (`--record` renews `same.txt`), or if a listed difference is none any more.
"""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

from tests.conformance import reference, verdict
from tests.conformance.case import Case, CaseError, load_all
from tests.conformance.execute import Transcript, run_side
from tests.conformance.verdict import Verdict

RECORDED = Path(__file__).parent / "same.txt"


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.conformance", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("-d", "--diff", action="store_true", help="print the difference of each case that differs")
    parser.add_argument("--fresh", action="store_true", help="run real systemd even where its answers are remembered")
    parser.add_argument("--record", action="store_true", help="record the cases that are the same")
    parser.add_argument("--show", action="store_true", help="print what real systemd shows, run nothing of ours")
    parser.add_argument("--twice", action="store_true", help="run real systemd against itself: is a case repeatable?")
    options = parser.parse_args()
    try:
        cases = [case for case in load_all() if not options.names or case.name.startswith(tuple(options.names))]
    except CaseError as error:
        print(error, file=sys.stderr)
        return 2
    compared = [case for case in cases if not case.newer]
    if options.show:
        shown = _references(compared, options.fresh)
        for case in compared:
            print(f"--- {case.name}", *shown[case.name].lines(), sep="\n")
        return 0
    verdicts = _compare(cases, compared, fresh=options.fresh or options.twice, twice=options.twice)
    for one in verdicts:
        print(f"{one.kind:8} {one.case}" + (f"  ({one.detail})" if one.detail else ""))
        if one.diff and options.diff:
            print(*(f"         {line}" for line in one.diff), sep="\n")
    status = 0 if options.twice else _hold_against_record(verdicts, record=options.record)
    print(verdict.summary(verdicts))
    return status


def _compare(cases: list[Case], compared: list[Case], *, fresh: bool, twice: bool) -> list[Verdict]:
    """Run both sides, each in its own thread."""
    ours: dict[str, Transcript] = {}
    thread = threading.Thread(target=_run, args=(compared, twice, ours))
    thread.start()
    references = _references(compared, fresh)
    thread.join()
    listed = {}
    if verdict.DIFFERENCES.exists() and not twice:
        listed = verdict.listed_differences(verdict.DIFFERENCES.read_text())
    nothing = Transcript(())
    return [
        verdict.judge(case, references.get(case.name, nothing), ours.get(case.name, nothing), listed) for case in cases
    ]


def _run(cases: list[Case], systemd: bool, transcripts: dict[str, Transcript]) -> None:
    for case, transcript, seconds in run_side(cases, systemd):
        transcripts[case.name] = transcript
        if sys.stderr.isatty():
            print(f"{'systemd' if systemd else 'ours':8} {case.name} {seconds:.1f} s", file=sys.stderr)


def _references(cases: list[Case], fresh: bool) -> dict[str, Transcript]:
    """What real systemd shows, from memory where it has been asked before."""
    known = {} if fresh else {case.name: reference.recall(case) for case in cases}
    transcripts = {name: transcript for name, transcript in known.items() if transcript is not None}
    unknown = [case for case in cases if case.name not in transcripts]
    _run(unknown, True, transcripts)
    for case in unknown:
        reference.remember(case, transcripts[case.name])
    return transcripts


def _hold_against_record(verdicts: list[Verdict], *, record: bool) -> int:
    """1 if a case is worse than recorded."""
    recorded = set(RECORDED.read_text().splitlines()) if RECORDED.exists() else set()
    judged = {one.case: one.kind for one in verdicts}
    if record:
        same = {name for name, kind in judged.items() if kind == verdict.SAME}
        kept = {name for name in recorded if name not in judged}
        RECORDED.write_text("".join(f"{name}\n" for name in sorted(same | kept)))
    worse = sorted(name for name in recorded if judged.get(name) in (verdict.DIFFERS, verdict.NOT_YET))
    stale = sorted(name for name, kind in judged.items() if kind == verdict.STALE)
    for name in worse:
        print(f"was the same and no longer is: {name}", file=sys.stderr)
    for name in stale:
        print(f"listed in docs/differences.md, but no longer different: {name}", file=sys.stderr)
    return 1 if worse or stale else 0


if __name__ == "__main__":
    sys.exit(main())
