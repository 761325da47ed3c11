"""Calendar events, good and bad, in several zones: how systemd-analyze normalises them, and when they elapse.

SYSTEMCTL_EXAMPLES=N tries about 200 N inputs; `pytest -s` shows what they covered.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from systemctl_replacement.calendar import elapse as calendar_elapse
from systemctl_replacement.calendar import event as calendar
from systemctl_replacement.calendar.civil import civil
from tests.conformance.offline.coverage import Coverage
from tests.conformance.offline.draw import either
from tests.conformance.offline.runner import real_version

EXAMPLES = int(os.environ.get("SYSTEMCTL_EXAMPLES", "8"))
ITERATIONS = 4

pytestmark = pytest.mark.skipif(real_version() != 252, reason="the oracle, systemd 252, is not installed")

# TZ of the process → what systemd calls its times, standard and daylight saving.
LOCAL = {
    "UTC": ("UTC", "UTC"),
    "Europe/Berlin": ("CET", "CEST"),
    "America/New_York": ("EST", "EDT"),
    "Australia/Lord_Howe": ("+1030", "+11"),
}
# Changes of clocks, leap days, and the ends of the range (except for the day on which time zones disagree
# about whether it is before the epoch, which leads systemd astray).
BASES = (
    172800, 2678399, 68169600, 951782400, 1706695200, 1709164799, 1711846799, 1711847700, 1711850400, 1729990800,
    1729994400,
    1710054000, 1710055800, 1730610000, 1730613600, 1712415600, 1728144000, 1735689599, 2147483647, 4102444800,
    7258031999, 7258118399,
)  # fmt: skip
BASES_SPREAD = st.one_of(st.sampled_from(BASES), st.integers(1600000000, 1900000000))

HANDMADE = (
    # systemd.time(7)
    "Sat,Thu,Mon..Wed,Sat..Sun", "Mon,Sun 12-*-* 2,1:23", "Wed *-1", "Wed..Wed,Wed *-1", "Wed, 17:48",
    "Wed..Sat,Tue 12-10-15 1:2:3", "*-*-7 0:0:0", "10-15", "monday *-12-* 17:00", "Mon,Fri *-*-3,1,2 *:30:45",
    "12,14,13,12:20,10,30", "12..14:10,20,30", "mon,fri *-1/2-1,3 *:30:45", "03-05 08:05:40", "08:05:40", "05:40",
    "Sat,Sun 12-05 08:05:40", "Sat,Sun 08:05:40", "2003-03-05 05:40", "05:40:23.4200004/3.1700005",
    "2003-02..04-05", "2003-03-05 05:40 UTC", "2003-03-05", "03-05", "hourly", "daily", "daily UTC", "monthly",
    "weekly", "weekly Pacific/Auckland", "yearly", "annually", "*:2/3", "*-02~01", "*-05~07/1", "Mon *-05~07/1",
    "Mon..Fri *-*-* 10:30", "*-*-* 02:30:00 Europe/Berlin", "*-*-* 02..03:0/15 Europe/Berlin", "quarterly",
    "semi-annually", "bi-annually", "Biannually", "anually", "minutely",
    # limits and mistakes
    "", " ", "UTC", " UTC", "daily  UTC", "daily utc", "daily europe/berlin", "daily Europe/", "daily /UTC", "Mon,",
    "Mon:", "Monda", "Mon..", "Fri..Mon", "Mon...Fri", "Mon,,Tue", "Mon..Wed..Fri", "Mon..Wed-Fri", "@10", "@10 UTC",
    "@0", "@ 1", "@+1", "@ -1", "@-18446744073709551614", "@0x10", "@010", "@1z", "@18446744073709551616",
    "@9223372036854775807",
    "@67767976233532799", "@67768036191676799", "@7258118399", "@7258118400", "@10.5", "@-1", "@99999999999",
    "@9999999999999999999999", "Mon @86400", "@10 10:00",
    "@1711846800 Europe/Berlin", "*:*:0.1234567", "*:*:0.",
    "*:*:0.5..0.9", "*:*:59.9999994", "*:*:59.9999995", "00-1-1", "69-1-1", "70-1-1", "100-1-1", "1969-1-1",
    "2199-12-31", "2200-1-1", "*-2-30", "*-2-29", "2024,2028-2-29", "*-*~5", "*~", "*~01", "*-*~01..05", "*-*~3/2",
    "*-*~31/1", "*-*~30/29", "*-*~28..29", "*-*~29", "*-2~28,27", "*-*~1,25", "*-*~1,26", "*-*~1,2,22/20",
    "*-*~1,2,23", "*-*~27/26", "*-*~27/27", "*-*-1/31", "*-*-1/30", "*-*-5..3", "*-*-1..10/20",
    "*:0/59", "*:0/60", "*:*:0/59.5", "*:*:60", "24:00", "1,2,2,1:00", "*:1..1", "*:0/0", "3000000000:00", "12", "*",
    "*:*", "*-*", "*-*-*", "*-*-* *", "*,1-1-1", "1.5:00", "*/5:0", "*:*:*/5", "*:*:1..5.5", "*:*:1..5.5/0.5",
    "*:*:1..1.5", "*:*:1..2", "0..99-1-1", "65..75-1-1", "10:00 ", " 10:00", "10:00\t", "1 0:00", "1:0:0:0", "1-2-3-4",
    "1~2~3", "1~2-3", "*-1~2 ", ",".join(map(str, range(24))) + ":0", ",".join(["1"] * 240) + ":0",
    ",".join(["1"] * 241) + ":0", ",".join(["1"] * 242) + ":0", "1/1:0", "*:*:0/59.5", "*:0/40:0", "*-*-3/14",
    "0/9:0/7:0/11", "*-4/5-15/9", "*-1/9-16", "٣:00", "*-*-* 10:00:00 UTC UTC",
)  # fmt: skip

NUMBERS = st.one_of(st.integers(0, 12).map(str), st.integers(0, 60).map(str), st.sampled_from(("00", "07", "031")))
YEARS = st.sampled_from(("24", "2024", "2025", "1970", "2199", "69", "70", "2027", "2000", "2200"))
SECONDS = st.one_of(NUMBERS, st.sampled_from(("0.5", "1.25", "59.999999", "0.0000005", "3.1700005", "0.1")))


def field(numbers: st.SearchStrategy[str], steps: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """`*`, or alternatives with ranges and repetitions."""
    one = st.one_of(
        numbers,
        numbers,
        st.builds("{}..{}".format, numbers, numbers),
        st.builds("{}/{}".format, numbers, steps),
        st.builds("{}..{}/{}".format, numbers, numbers, steps),
    )
    return st.one_of(st.just("*"), one, st.lists(one, min_size=1, max_size=3).map(",".join))


def field_of(first: int, last: int) -> st.SearchStrategy[str]:
    """Mostly valid values: ranges go up, and numbers outside of the field's range are rare."""
    middle = (first + last) // 2
    low, high = st.integers(first, middle).map(str), st.integers(middle + 1, last).map(str)
    steps = st.integers(1, 9).map(str)
    good = st.one_of(
        low,
        high,
        st.builds("{}..{}".format, low, high),
        st.builds("{}/{}".format, low, steps),
        st.builds("{}..{}/{}".format, low, high, steps),
        st.builds("{},{}".format, low, high),
    )
    return either(good, good, good, st.just("*"), st.just("*"), field(NUMBERS, steps))


DATES = either(
    st.builds("{}-{}-{}".format, field(YEARS, st.sampled_from("123")), field_of(1, 12), field_of(1, 28)),
    st.builds("{}-{}".format, field_of(1, 12), field_of(1, 31)),
    st.builds("{}~{}".format, field_of(1, 12), field_of(1, 31)),
    st.builds("*-{}~{}".format, field_of(1, 12), field_of(1, 9)),
    st.builds("*-*~{}".format, field_of(1, 9)),
    st.just("*-*-*"),
)
TIMES = either(
    st.builds("{}:{}".format, field_of(0, 23), field_of(0, 59)),
    st.builds("{}:{}:{}".format, field_of(0, 23), field_of(0, 59), either(SECONDS, field(SECONDS, SECONDS))),
    st.builds("{}:30".format, st.sampled_from(("1", "2", "3", "2..3", "*"))),
)
DAY = st.sampled_from(("Mon", "tue", "Wednesday", "THU", "friday", "Sat", "Sun"))
DAY_RANGE = st.one_of(st.sampled_from(("Mon..Fri", "sat-Sun", "Tue..thu")), st.builds("{}..{}".format, DAY, DAY))
WEEKDAYS = st.lists(st.one_of(DAY, DAY, DAY_RANGE), min_size=1, max_size=3).map(",".join)
ZONES = st.sampled_from(
    ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "CET", "CEST", "EDT", "X/Y")
)
SHORTHANDS = st.sampled_from(("daily", "Weekly", "hourly", "monthly", "quarterly", "yearly", "minutely", "biannually"))
PLAIN = either(
    SHORTHANDS,
    DATES,
    TIMES,
    TIMES,
    st.builds("{} {}".format, DATES, TIMES),
    st.builds("{} {}".format, DATES, TIMES),
    st.builds("{} {}".format, WEEKDAYS, either(TIMES, DATES)),
    WEEKDAYS,
    st.integers(0, 2**33).map("@{}".format),
)
EVENTS = either(PLAIN, PLAIN, st.builds("{} {}".format, PLAIN, ZONES))
SPOILED = st.builds(
    lambda text, place, new, cut: text[: place % (len(text) + 1)] + new + text[place % (len(text) + 1) + cut :],
    EVENTS,
    st.integers(0, 40),
    st.sampled_from((*"-~:.,/@ *0x", "..", "Mon", "é")),
    st.integers(0, 1),
)
ANY = either(EVENTS, EVENTS, EVENTS, SPOILED)


def theirs(texts: Sequence[str], base: int, zone: str) -> dict[str, str]:
    """What systemd-analyze says about each text: its normal form and when it elapses, or why it is wrong."""
    command = ["systemd-analyze", "calendar", f"--iterations={ITERATIONS}", f"--base-time=@{base}", "--", *texts]
    environment = {"LC_ALL": "C.UTF-8", "TZ": zone, "PATH": os.environ["PATH"]}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    output, errors = done.stdout.decode(), done.stderr.decode()
    found = dict(re.findall(r"^Failed to parse calendar specification '(.*)': (.*)$", errors, re.MULTILINE))
    failed = r"^Failed to determine next elapse for '(.*)': (.*)$"
    found.update(re.findall(failed, errors, re.MULTILINE))
    # Blank lines separate the answers to good texts, which are in order.
    blocks = re.split(r"\n\n+", output.strip("\n"))
    for original, block in zip([text for text in texts if text not in found], blocks):
        lines = [line.strip(" ").partition(": ")[::2] for line in block.split("\n")]
        # If the normal form is the original, only one is printed. In other zones UTC follows local time.
        shown = next(text for label, text in lines if label == "Normalized form")
        answers = [text for label, text in lines if not label.endswith(" form")]
        times = [
            text
            for text in answers
            if not _by_local_name(shown, zone) and re.fullmatch(r"never|\w{3} \d{4}-\d\d-\d\d [0-9:]{8} UTC", text)
        ]
        found[original] = "; ".join([shown, *times])
    return found


def _by_local_name(shown: str, zone: str) -> bool:
    """Whether an event names the local zone: around changes of clocks systemd 252 then finds times in the past."""
    return shown.endswith(LOCAL[zone]) and not shown.endswith("UTC")


def ours(text: str, base: int, zone: str) -> str:
    try:
        event = calendar.parse(text, LOCAL[zone])
    except calendar.CalendarError as error:
        return str(error)
    assert calendar.parse(str(event), LOCAL[zone]) == event
    where = calendar_elapse.zone_of(event) if event.zone else calendar_elapse.named(zone)
    times = []
    moment = base * calendar.USEC_PER_SEC
    for number in range(ITERATIONS):
        try:
            found = calendar_elapse.next_elapse(event, moment, where)
        except calendar.CalendarError as error:
            return str(error)
        if found is None:
            times += ["never"] if number == 0 else []
            break
        moment = found
        then = civil(found // calendar.USEC_PER_SEC)
        day = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")[found // calendar.USEC_PER_SEC // 86400 % 7]
        assert found > base * calendar.USEC_PER_SEC
        times.append(
            f"{day} {then.year:04}-{then.month:02}-{then.day:02} {then.hour:02}:{then.minute:02}:{then.second:02} UTC"
        )
    return "; ".join([str(event), *([] if _by_local_name(str(event), zone) else times)])


def compare(texts: Sequence[str], base: int, zone: str) -> dict[str, str]:
    """Compare our answers with systemd's, and return them."""
    expected = theirs(texts, base, zone)
    answers = {text: ours(text, base, zone) for text in texts}
    wrong = [
        f"{text!r}\n   ours:    {answer}\n   systemd: {expected.get(text)}"
        for text, answer in answers.items()
        if answer != expected.get(text)
    ]
    assert not wrong, "\n".join([f"TZ={zone} --base-time=@{base}, {len(wrong)} differ", *wrong[:10]])
    return answers


@pytest.mark.parametrize("zone", LOCAL)
def test_handmade(zone: str) -> None:
    for base in BASES[::4]:
        compare([text for text in HANDMADE if "\t" not in text], base, zone)


def _labels(answer: str) -> Iterator[str]:
    if answer in ("Invalid argument", "Numerical result out of range", "No buffer space available"):
        yield "bad"
        return
    yield "good"
    if "never" in answer:
        yield "never"
    shown = answer.partition(";")[0]
    for label, pattern in (
        ("ranges", r"\d\.\."),
        ("repetitions", r"/\d"),
        ("last days", r"~"),
        ("weekdays", r"^[MTWFS]"),
        ("fractions of seconds", r"\.\d{6}"),
        ("lists", r"\d,"),
        ("UTC", r" UTC$"),
        ("named zones", r" [A-Z]\w+/\w+$"),
        ("local zones by name", r" (C|E)[A-Z]T$| CEST$"),
    ):
        if re.search(pattern, shown):
            yield label


def test_drawn() -> None:
    coverage = Coverage("calendars")

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=tuple(Phase) if EXAMPLES > 500 else (Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(ANY, min_size=150, max_size=250, unique=True), BASES_SPREAD, st.sampled_from(sorted(LOCAL)))
    def check(texts: list[str], base: int, zone: str) -> None:
        for answer in compare(texts, base, zone).values():
            coverage.add((zone, *_labels(answer)))

    check()
    print(coverage.report())
    coverage.require({
        "bad": 10, "good": 40, "never": 1, "ranges": 5, "repetitions": 5, "last days": 4, "weekdays": 7, "lists": 4,
        "fractions of seconds": 1, "UTC": 3, "named zones": 4,
    })  # fmt: skip
