"""What status lines say. The texts are those of systemd 252 on a terminal."""

from __future__ import annotations

import pytest

from systemctl_replacement.manager import status_line_text
from systemctl_replacement.manager.jobs.job_messages import unit_name
from systemctl_replacement.manager.status_line_text import NAME_COLORS, Screen, Waiting

PLAIN, COLORS = Screen(), Screen(colors=True)
SECOND = 1_000_000


@pytest.mark.parametrize(
    ("mode", "always", "failures"),
    [("no", False, False), ("error", False, True), ("auto", False, True), ("temporary", True, True),
     ("yes", True, True)],
)  # fmt: skip
def test_what_is_shown_when(mode: str, always: bool, failures: bool) -> None:
    assert (status_line_text.may_show(mode, False), status_line_text.may_show(mode, True)) == (always, failures)


@pytest.mark.parametrize(
    ("format_", "description", "name"),
    [
        ("combined", "An ok one", "ok.service - An ok one"), ("name", "An ok one", "ok.service"),
        ("description", "An ok one", "An ok one"), ("description", "ok.service", "ok.service"),
        ("combined", "ok.service", "ok.service"),
    ],
)  # fmt: skip
def test_names_of_units(format_: str, description: str, name: str) -> None:
    assert unit_name("ok.service", description, format_) == name


def test_names_stand_out() -> None:
    assert unit_name("a.service", "A", "combined", NAME_COLORS) == "\x1b[0;1;39ma.service\x1b[0m - A"
    assert unit_name("a.service", "A", "name", NAME_COLORS) == "\x1b[0;1;39ma.service\x1b[0m"
    assert unit_name("a.service", "A", "description", NAME_COLORS) == "\x1b[0;1;39mA\x1b[0m"


@pytest.mark.parametrize(
    ("result", "line"),
    [
        ("done", "[\x1b[0;32m  OK  \x1b[0m] text"), ("failed", "[\x1b[0;1;31mFAILED\x1b[0m] text"),
        ("timeout", "[\x1b[0;1;31m TIME \x1b[0m] text"), ("dependency", "[\x1b[0;1;38;5;185mDEPEND\x1b[0m] text"),
        ("assert", "[\x1b[0;1;38;5;185mASSERT\x1b[0m] text"), ("canceled", ""), ("invalid", ""), ("collected", ""),
    ],
)  # fmt: skip
def test_the_end_of_a_job(result: str, line: str) -> None:
    assert status_line_text.ended(COLORS, result, "text") == line


def test_lines_are_cut_to_the_width_of_the_terminal() -> None:
    name = unit_name(
        "wide.service",
        "A very long description that goes on and on and on until it is much wider than any terminal can be expected"
        " to be",
        "combined",
    )
    terminal = Screen(columns=80)
    assert status_line_text.begun(terminal, f"Starting {name}...") == (
        "         Starting wide.service - A very long… terminal can be expected to be..."
    )
    assert status_line_text.ended(terminal, "done", f"Finished {name}.") == (
        "[  OK  ] Finished wide.service - A very long…ny terminal can be expected to be."
    )
    wide = unit_name("uni.service", f"Größenwahn ist {'漢' * 32} eine Beschreibung", "description")
    assert status_line_text.begun(terminal, f"Starting {wide}...") == (
        "         Starting Größenwahn ist 漢漢漢漢漢…漢漢漢漢漢漢 eine Beschreibung..."
    )
    assert status_line_text.begun(Screen(columns=5), "Starting a.service...") == "         S…."
    assert status_line_text.begun(PLAIN, f"Starting {name}...") == f"         Starting {name}..."


def test_where_to_look() -> None:
    assert status_line_text.see_status(PLAIN, "bad.service") == "See 'systemctl status bad.service' for details."
    quoted = r"""See 'systemctl status "bad\\x2dname.service"' for details."""
    assert status_line_text.see_status(PLAIN, r"bad\x2dname.service") == quoted


@pytest.mark.parametrize(
    ("os_release", "line"),
    [
        ({"PRETTY_NAME": "Debian 12", "ANSI_COLOR": "1;31"}, "\nWelcome to \x1b[1;31mDebian 12\x1b[0m!\n"),
        ({"NAME": "Debian"}, "\nWelcome to \x1b[1mDebian\x1b[0m!\n"),
        ({}, "\nWelcome to \x1b[1mLinux\x1b[0m!\n"),
        ({"PRETTY_NAME": "a\x1b]0;x\x07\nb", "ANSI_COLOR": "0m\x1b[2J"}, "\nWelcome to \x1b[1ma?]0;x??b\x1b[0m!\n"),
    ],
)
def test_the_welcome(os_release: dict[str, str], line: str) -> None:
    assert status_line_text.welcome(COLORS, os_release) == line
    assert "\x1b" not in status_line_text.welcome(PLAIN, os_release)


RED = "\x1b[0;31m*"
BRIGHT = "\x1b[0;1;31m*\x1b[0m"


def test_the_eye_looks_to_and_fro() -> None:
    drawn = [status_line_text.cylon(step, colors=False) for step in range(15)]
    assert drawn[:8] == ["*     ", "**    ", "***   ", " ***  ", "  *** ", "   ***", "    **", "     *"]
    assert drawn[8:] == [*drawn[6:0:-1], drawn[0]]
    assert status_line_text.cylon(0, colors=True) == f"\x1b[0m{RED}     \x1b[0m"
    assert status_line_text.cylon(1, colors=True) == f"{BRIGHT}{RED}    \x1b[0m"
    assert status_line_text.cylon(3, colors=True) == f" {RED}{BRIGHT}{RED}  \x1b[0m"
    assert status_line_text.cylon(6, colors=True) == f"    {RED}{BRIGHT}"
    assert status_line_text.cylon(7, colors=True) == f"     {RED}\x1b[0m"


def test_what_goes_on() -> None:
    slow = Waiting("slow.service", "start", 5 * SECOND, 90 * SECOND)
    assert status_line_text.in_progress(PLAIN, 0, 1, 1, slow, "combined") == (
        "[*     ] Job slow.service/start running (5s / 1min 30s)"
    )
    endless = Waiting("slower.service", "start", 5_700_000, None, "half \x1b[2Jway")
    assert status_line_text.in_progress(PLAIN, 3, 2, 3, endless, "name") == (
        "[ ***  ] (2 of 3) Job slower.service/start running (5s / no limit): half ?[2Jway"
    )
    described = Waiting("A slow\x1bone", "stop", 4 * SECOND, 30 * SECOND, "half way")
    assert status_line_text.in_progress(PLAIN, 0, 1, 2, described, "description") == (
        "[*     ] (1 of 2) A stop job is running for A slow?one (4s / 30s)"
    )
