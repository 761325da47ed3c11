"""Time spans, unit names and escapes, good and bad, compared with systemd-analyze and systemd-escape.

SYSTEMCTL_EXAMPLES=N tries about 40 N inputs instead of a few hundred; `pytest -s` shows what they covered.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from systemctl_replacement.unitfile import names, values
from tests.conformance.offline.coverage import Coverage
from tests.conformance.offline.runner import real_version

EXAMPLES = int(os.environ.get("SYSTEMCTL_EXAMPLES", "8"))

pytestmark = pytest.mark.skipif(real_version() != 252, reason="the oracle, systemd 252, is not installed")

UNITS = (
    "",
    "s",
    "sec",
    "m",
    "min",
    "minutes",
    "h",
    "hr",
    "d",
    "days",
    "w",
    "M",
    "month",
    "y",
    "years",
    "ms",
    "us",
    "µs",
)
NUMBERS = ("0", "1", "5", "59", "61", "1000", "1.5", ".5", "0.000001", "1.123456789", "18446744073709551615", "007")
WRONG = ("-1", "+1", "1e3", "1,5", "1.5.5", "5.", ".", "x", "0x10", "ns", "S", "infinity", "Min", "٣", "1 .5")
TERM = st.tuples(st.sampled_from(NUMBERS), st.sampled_from(("", " ")), st.sampled_from(UNITS)).map("".join)
SPAN = st.lists(TERM, min_size=1, max_size=4).flatmap(lambda terms: st.sampled_from((" ".join(terms), "".join(terms))))
SPOILED = st.tuples(SPAN, st.sampled_from(WRONG), st.sampled_from(("", " "))).map(
    lambda parts: parts[2].join(parts[:2])
)
SPANS = st.one_of(SPAN, SPAN, SPOILED, st.sampled_from(WRONG))

NAME = st.tuples(
    st.sampled_from(("a", "dbus", "a-b", "a.b", "x:y", "A_1", "a\\x2db", "é", "a b", "", "x" * 250, "a/b", "/dev/x")),
    st.sampled_from(("", "", "@", "@i", "@a-b", "@a@b", "@é", "@/x")),
    st.sampled_from(("", ".service", ".target", ".socket", ".mount", ".wrong", ".")),
).map("".join)  # fmt: skip
ESCAPED = st.lists(
    st.sampled_from(("a", "b-c", "-", "\\x2d", "\\x5c", "\\xc3\\xa9", "a\\x2db", "\\x", "\\xzz", "\\", "/", "é")),
    min_size=1,
    max_size=5,
).map("".join)  # fmt: skip


def ask(command: Sequence[str], texts: Sequence[str]) -> tuple[int, str]:
    done = subprocess.run([*command, "--", *texts], capture_output=True, env={"LC_ALL": "C.UTF-8"}, check=False)
    return done.returncode, done.stdout.decode("utf-8", "surrogateescape")


def attempt(function: Callable[[str], str], text: str) -> str | None:
    try:
        return function(text)
    except ValueError:
        return None


def hold(
    what: str,
    strategy: st.SearchStrategy[str],
    ours: Callable[[str], str],
    command: Sequence[str],
    answers: Callable[[str], list[str]],
    labels: Callable[[str], Iterator[str]],
    least: Mapping[str, float],
) -> None:
    """Ask about good inputs all at once, and about bad ones one by one: systemd's programs stop at the first.

    `least`: the smallest percentage of inputs that must have each label.
    """
    coverage = Coverage(what)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(strategy, min_size=20, max_size=60, unique=True))
    def check(texts: list[str]) -> None:
        read = {text: attempt(ours, text) for text in texts}
        good = {text: answer for text, answer in read.items() if answer is not None}
        if good:
            status, output = ask(command, list(good))
            assert (status, answers(output)) == (0, list(good.values())), list(good)
        for text, answer in read.items():
            if answer is None:
                assert ask(command, [text])[0] != 0, f"{text!r} is good for systemd"
            coverage.add((*labels(text), "bad" if answer is None else "good"))

    check()
    print(coverage.report())
    coverage.require({"bad": 10, "good": 25, **least})


def test_time_spans() -> None:
    def ours(text: str) -> str:
        usec = values.parse_time_span(text)
        return "infinity" if usec == values.INFINITY else f"{usec} {values.format_time_span(usec)}"

    def answers(output: str) -> list[str]:
        found = re.findall(r"μs: (\d+)\n +Human: (.*)\n", output)
        return ["infinity" if human == "infinity" else f"{usec} {human}" for usec, human in found]

    def labels(text: str) -> Iterator[str]:
        if "." in text:
            yield "with a fraction"
        if len(re.findall(r"\d[^\d.]*", text)) > 1:
            yield "of several terms"
        if not text.isascii():
            yield "beyond ASCII"

    least = {"with a fraction": 10, "of several terms": 10, "beyond ASCII": 2}
    hold("time spans", SPANS, ours, ("systemd-analyze", "timespan"), answers, labels, least)


def test_mangled_names() -> None:
    def labels(text: str) -> Iterator[str]:
        if "@." in text or text.endswith("@"):
            yield "templates"
        elif "@" in text:
            yield "instances"
        if text.startswith("/"):
            yield "paths"
        if len(text) > 200:
            yield "long"

    least = {"templates": 10, "instances": 20, "paths": 5, "long": 2}
    hold("unit names", NAME, names.mangle, ("systemd-escape", "--mangle"), _words, labels, least)


def test_unescaped_text() -> None:
    def labels(text: str) -> Iterator[str]:
        if "\\" in text:
            yield "with escapes"

    hold(
        "escaped texts",
        ESCAPED,
        names.unescape,
        ("systemd-escape", "--unescape"),
        _words,
        labels,
        {"with escapes": 20},
    )


def _words(output: str) -> list[str]:
    return output.rstrip("\n").split(" ")
