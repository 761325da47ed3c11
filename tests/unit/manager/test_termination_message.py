"""Kubernetes' termination message: what it says, and that it is short, text, and nobody else's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement.manager.halt.termination_message import LIMIT, Failure, compose

NAME = st.text(max_size=60)
TEXT = NAME | st.text(st.characters(categories=["Cs", "Cc", "So", "Lu"]), max_size=2000)
FAILURES = st.lists(
    st.builds(Failure, NAME, st.just("timeout"), st.integers(-1, 255), st.lists(TEXT).map(tuple)), max_size=40
)


def test_what_it_says() -> None:
    failures = [
        Failure("db.service", "signal", 137, ("one", "two")),
        Failure("app.service", "timeout"),
    ]
    message = compose(3, "the units have ended", ["Stop timeout reached."], failures)
    assert message.decode() == (
        "Exit status 3: the units have ended.\n"
        "Stop timeout reached.\n"
        "db.service: Failed with result 'signal', exit status 137.\n"
        "  one\n"
        "  two\n"
        "app.service: Failed with result 'timeout'.\n"
    )
    assert compose(0, "", [], []) == b"Exit status 0.\n"


@given(st.integers(0, 255), TEXT, st.lists(TEXT, max_size=3), FAILURES)
def test_it_is_short_and_printable(status: int, why: str, notes: list[str], failures: list[Failure]) -> None:
    message = compose(status, why, notes, failures)
    assert len(message) <= LIMIT
    lines = message.decode().split("\n")
    assert lines.pop() == "" and all(map(str.isprintable, lines))
    assert lines[0].startswith(f"Exit status {status}")
    # Each unit that failed has a line, or is counted.
    heads = sum("Failed with result" in line for line in lines)
    assert heads == len(failures) or f"{len(failures) - heads} more units have failed." in lines


def test_the_newest_lines_come_first() -> None:
    lines = tuple(f"line {number} {'x' * 90}" for number in range(500))
    text = compose(1, "", [], [Failure(f"{name}.service", "exit-code", 1, lines) for name in "ab"])
    shown = text.decode().split("\n")
    first, second = (shown.index(f"{name}.service: Failed with result 'exit-code', exit status 1.") for name in "ab")
    for part in (shown[first + 1 : second], shown[second + 1 : -1]):
        assert part[-1].startswith("  line 499 ")
        assert len(part) > 15
    assert len(text) > LIMIT - 2 * 110


def test_a_line_that_is_too_long_is_cut_between_characters() -> None:
    text = compose(1, "", [], [Failure("a.service", "exit-code", 1, ("€" * 4000,))]).decode()
    assert text.endswith("€…\n")
    assert len(text.encode()) < 1024


def test_a_line_cannot_pass_for_another() -> None:
    text = compose(1, "", [], [Failure("a.service", "exit-code", 1, ("x\nb.service: Failed with result 'y'.\x1b[2J",))])
    assert text.decode().split("\n")[2] == "  x b.service: Failed with result 'y'.?[2J"
