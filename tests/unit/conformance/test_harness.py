"""The conformance harness itself: scripts, normalisation, verdicts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conformance import known_journal, manager_log, verdict
from tests.conformance.case import MISSING, Case, CaseError, load, load_all
from tests.conformance.execute import IN_VAIN, Seen, Transcript
from tests.conformance.normalise import normalise, normalise_cursors
from tests.conformance.verdict import Verdict, judge, judge_all, listed_differences, summary, table


def write(directory: Path, script: str, **units: str) -> list[Case]:
    (directory / "case" / "units").mkdir(parents=True)
    (directory / "case" / "script").write_text(script)
    for name, text in units.items():
        (directory / "case" / "units" / f"{name}.service").write_text(text)
    return load(directory / "case", directory)


def test_a_script(tmp_path: Path) -> None:
    (case,) = write(
        tmp_path,
        "# why\nshow: a.service Id\nfile: /x\n$ first\nwait: one\nwait: two: three\n$ second\nbox: fresh\n",
        a="[Unit]\n",
    )
    assert case.name == "case"
    assert [(step.command, step.waits) for step in case.steps] == [("first", ("one", "two: three")), ("second", ())]
    assert case.shown == (("a.service", ("Id",)),)
    assert case.files == ("/x",)
    assert case.fresh
    assert [(entry.path, entry.text) for entry in case.entries] == [("/etc/systemd/system/a.service", "[Unit]\n")]


def test_parameters_multiply(tmp_path: Path) -> None:
    cases = write(tmp_path, "for: A x y\nfor: B one:'1 \\n2'\n$ @A@\n", a="@A@=@B@")
    assert [case.name for case in cases] == ["case[x,one]", "case[y,one]"]
    assert [case.steps[0].command for case in cases] == ["x", "y"]
    assert cases[1].entries[0].text == "y=1 \n2"


@pytest.mark.parametrize(
    "script",
    [
        "", "nonsense", "$ x\nneeds: magic", "wait: x", "for: A\n$ x", "$ x\nbox: big", "$ x\nnewer: 254",
        "? x", "? a: x\n? a: y", "? a: x\nnewer: 254",
    ],
)  # fmt: skip
def test_scripts_that_are_refused(tmp_path: Path, script: str) -> None:
    with pytest.raises(CaseError):
        write(tmp_path, script)


def test_every_case_can_be_read_and_has_a_name_of_its_own() -> None:
    names = [case.name for case in load_all()]
    assert len(names) == len(set(names)) > 120


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("MainPID=12\nControlPID=0\n", "MainPID=PID\nControlPID=0\n"),
        ("ActiveEnterTimestamp=Sun 2026-11-22 00:20:13 UTC", "ActiveEnterTimestamp=TIME"),
        ("ActiveEnterTimestampMonotonic=0", "ActiveEnterTimestampMonotonic=0"),
        ("ActiveEnterTimestampMonotonic=123", "ActiveEnterTimestampMonotonic=USEC"),
        ("After=c b a\nDescription=c b a", "After=a b c\nDescription=c b a"),
        ("MemoryCurrent=123\nMemoryMax=5", "MemoryCurrent=USAGE\nMemoryMax=5"),
        (
            "     Active: active (running) since Sun 2026-11-22 00:20:13 UTC; 1min 5s ago",
            "     Active: active (running) since TIME; SPAN ago",
        ),
        ("   Main PID: 77 (sleep)\n      Tasks: 1\n     CGroup: /x\n             └─77 sleep 1\n", None),
        ("  12 a.service start running", "JOB a.service start running"),
    ],
)
def test_what_changes_from_run_to_run_is_made_equal(text: str, normalised: str | None) -> None:
    if normalised is None:
        normalised = "   Main PID: PID (sleep)\n     CGroup: TREE\n"
    assert normalise(text) == normalised


def transcript(stdout: str) -> Transcript:
    return Transcript((Seen("x", "0", stdout, "", ""),))


def make(needs: str = "", newer: str = "", expected: str = "") -> Case:
    return Case("group/name", (), (), (), (), needs, newer, expected=expected)


def test_what_the_manager_has_logged() -> None:
    usual = {**manager_log.USUAL, "__REALTIME_TIMESTAMP": "5", "PRIORITY": "6", "CODE_LINE": "1"}
    told = [
        {**usual, "UNIT": "b", "MESSAGE": "later", "INVOCATION_ID": "ff", "__REALTIME_TIMESTAMP": "7"},
        {**usual, "UNIT": "a", "MESSAGE": "Sent to process 12 (x).", "INVOCATION_ID": "ee", "JOB_ID": "9", "EMPTY": ""},
        {**usual, "UNIT": ["a", "b"], "MESSAGE": "of both", "INVOCATION_ID": "ee", "_UID": "5"},
        {**usual, "UNIT": "a", "MESSAGE": "a: Consumed 5ms CPU time."},
        {**usual, "UNIT": "a", "MESSAGE": "before", "__REALTIME_TIMESTAMP": "4"},
        {**usual, "MESSAGE": "of none"},
        {**usual, "MESSAGE": "printed", "_SYSTEMD_UNIT": "a"},
    ]
    text = "".join(json.dumps(record) + "\n" for record in told)
    assert list(manager_log.lines(text, ("a", "b", "-"), 5)) == [
        "a <6> 'Sent to process PID (x).' INVOCATION_ID=1 JOB_ID=1",
        "a <6> 'of both' INVOCATION_ID=1 _UID=5",
        "b <6> 'of both' INVOCATION_ID=1 _UID=5",
        "b <6> 'later' INVOCATION_ID=2",
        "- <6> 'of none'",
    ]


def test_verdicts() -> None:
    one, two = transcript("1\n"), transcript("2\n")
    listed = listed_differences("- case `group/*`: because\n  of that\n- case `other`: likewise\n")
    verdicts = [
        judge(make(), one, one, {}),
        judge(make(), one, two, {}),
        judge(make(), one, two, listed),
        judge(make(), one, one, listed),
        judge(make(needs=min(MISSING)), one, two, {}),
        judge(make(newer="254", expected="$ x\nstatus: 0\nstdout: 2\n"), Transcript(()), two, {}),
        judge(make(newer="254", expected="$ x\nstatus: 0\nstdout: 2\n"), Transcript(()), one, {}),
    ]
    assert [one.kind for one in verdicts] == ["same", "differ", "listed", "stale", "not yet", "newer", "differ"]
    assert verdicts[1].diff[-2:] == ("-stdout: 1", "+stdout: 2")
    assert verdicts[2].detail == "because of that"
    assert summary(verdicts) == "conformance: 1 same, 1 listed, 1 newer, 1 not yet, 3 differ"


def test_questions_are_judged_one_by_one(tmp_path: Path) -> None:
    (case,) = write(tmp_path, "$ prepare\n? one: ask 1\n? two: ask: 2\n$ finish\n")
    assert [(step.command, step.label) for step in case.steps if step.label] == [("ask 1", "one"), ("ask: 2", "two")]

    def seen(*outputs: str) -> Transcript:
        return Transcript(tuple(Seen(step.command, "0", text, "", "") for step, text in zip(case.steps, outputs)))

    verdicts = judge_all(case, seen("p", "1", "2", "f"), seen("p", "1", "other", "f"), {})
    assert [(one.case, one.kind) for one in verdicts] == [
        ("case", "same"),
        ("case/one", "same"),
        ("case/two", "differ"),
    ]
    assert [one.case for one in verdicts] == case.names()
    cut_short = judge_all(case, seen("p", "1", "2", "f"), seen("p", "1"), {})
    assert [one.kind for one in cut_short] == ["differ", "same", "differ"]


def test_a_case_of_questions_has_no_verdict_of_its_own(tmp_path: Path) -> None:
    (case,) = write(tmp_path, "? one: ask\n")
    assert case.names() == ["case/one"]


def test_known_journal() -> None:
    first, second = known_journal.parse(
        "# why\nboot " + "1" * 32 + " 1700000000\nas _PID=7 X='a b'\n1.5 'it''s' PRIORITY=3\n2 'a\\nb\\xff' _PID=8\n"
    )
    assert (first.realtime, first.monotonic, first.boot) == (1_700_000_001_500_000, 1_500_000, "1" * 32)
    assert first.fields == (("MESSAGE", "its"), ("_PID", "7"), ("X", "a b"), ("PRIORITY", "3"))
    assert second.fields == (("MESSAGE", "a\nb\udcff"), ("X", "a b"), ("_PID", "8"))
    (third,) = known_journal.parse("1 'several' X=a X='\\xff'\n")
    assert third.fields == (("MESSAGE", "several"), ("X", "a"), ("X", "\udcff"))
    with pytest.raises(ValueError, match="assignment"):
        known_journal.parse("as nothing\n")


def test_drawn_parts_of_cursors() -> None:
    boot = "b" * 32
    text = f"s={'a' * 32};i=1f;b={boot};m=12;t=34;x=ab12"
    assert normalise_cursors(f"x {text} y") == f"x s=ID;i=NUMBER;b={boot};m=12;t=34;x=HASH y"


def test_a_case_that_does_not_run_under_systemd_differs() -> None:
    broken = Transcript((), "no box")
    assert judge(make(), broken, broken, {}).kind == verdict.DIFFERS


@pytest.mark.parametrize("status", [f"0 ({IN_VAIN}: false)", "124"])
def test_a_case_that_waits_in_vain_under_systemd_differs(status: str) -> None:
    vain = Transcript((Seen("x", status, "", "", ""),))
    assert judge(make(), vain, vain, {}).kind == verdict.DIFFERS


def test_the_table_names_what_is_not_the_same() -> None:
    names = ("a/1", "a/2", "a/3", "b/1", "b/2")
    kinds = (verdict.SAME, verdict.LISTED, verdict.SAME, verdict.DIFFERS, verdict.SAME)
    details = ("", "because", "", "", "unstable")
    verdicts = [Verdict(*one, ("-x",)) for one in zip(names, kinds, details)]
    same, listed, *differs, unstable = table(verdicts)
    assert same == "same     a/*  (2 cases)"
    assert listed == "listed   a/2  (because)"
    assert differs == ["differ   b/1", "         -x"]
    assert unstable == "same     b/2  (unstable)"
    assert len(list(table(verdicts, every=True))) == len(verdicts) + 1
    assert len(list(table(verdicts, every=True, diffs=True))) == 2 * len(verdicts)


def test_transcripts_are_remembered_whole() -> None:
    one = Transcript((Seen("a", "1", "b", "c", "d"),), "e")
    assert Transcript.from_json(one.as_json()) == one
