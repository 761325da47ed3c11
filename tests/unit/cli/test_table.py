"""Tables of systemctl: widths, what is cut, colours. The expected lines were taken from systemctl 252 on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Optional, Union

import pytest

from systemctl_replacement.cli.table import Cell, table_lines
from systemctl_replacement.cli.terminal import Terminal
from tests.unit.cli.conftest import FakeManager, Run

TIMERS = ["NEXT", "LEFT", "LAST", "PASSED", "UNIT", "ACTIVATES"]
ELAPSING = [
    ["Thu 2027-01-07 00:28:26 UTC", "1 month 9 days left", "-", "-", "v-e.timer", "v-c.service"],
    ["Thu 2099-01-01 00:00:00 UTC", "72 years 1 month left", "-", "-", "v-c.timer", "v-c.service"],
    ["-", "-", "Sat 2026-11-28 00:28:27 UTC", "1s ago", "v-d.timer", "v-c.service"],
]
SOCKETS = ["LISTEN", "TYPE", "UNIT", "ACTIVATES"]
LISTENING = [
    ["/run/v-a", "Stream", "v-a.socket", "v-a.service"],
    ["/run/v-b", "Stream", "v-b.socket", "v-b@0-68-0.service"],
    ["/run/v-fifo", "FIFO", "v-a.socket", "v-a.service"],
    ["127.0.0.1:7777", "Datagram", "v-a.socket", "v-a.service"],
]


def lines(
    head: Sequence[str],
    rows: Sequence[Sequence[Union[str, Cell, None]]],
    width: int,
    monkeypatch: pytest.MonkeyPatch,
    *,
    legend: bool = True,
    **environment: str,
) -> list[str]:
    """What a terminal of some width shows, with `^` for the escape character."""
    for name, value in {"SYSTEMD_COLORS": "0", "SYSTEMD_UTF8": "1", "COLUMNS": str(width), **environment}.items():
        monkeypatch.setenv(name, value)
    shown = table_lines(head, rows, Terminal(), legend=legend, cuts=True)
    return [line.replace("\x1b", "^") for line in shown]


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (
            20,
            """\
N… L… L… PA… UN… AC…
T… 1… -  -   v-… v-…
T… 7… -  -   v-… v-…
-  -  S… 1s… v-… v-…""",
        ),
        (
            40,
            """\
NEXT  LEFT   LAST   PASSED UNIT   ACTIV…
Thu … 1 mon… -      -      v-e.t… v-c.s…
Thu … 72 ye… -      -      v-c.t… v-c.s…
-     -      Sat 2… 1s ago v-d.t… v-c.s…""",
        ),
        (
            60,
            """\
NEXT       LEFT       LAST       PASSED UNIT      ACTIVATES
Thu 2027-… 1 month 9… -          -      v-e.timer v-c.servi…
Thu 2099-… 72 years … -          -      v-c.timer v-c.servi…
-          -          Sat 2026-… 1s ago v-d.timer v-c.servi…""",
        ),
        (
            80,
            """\
NEXT             LEFT             LAST              PASSED UNIT      ACTIVATES
Thu 2027-01-07 … 1 month 9 days … -                 -      v-e.timer v-c.service
Thu 2099-01-01 … 72 years 1 mont… -                 -      v-c.timer v-c.service
-                -                Sat 2026-11-28 0… 1s ago v-d.timer v-c.service""",
        ),
        (
            200,
            """\
NEXT                        LEFT                  LAST                        PASSED UNIT      ACTIVATES
Thu 2027-01-07 00:28:26 UTC 1 month 9 days left   -                           -      v-e.timer v-c.service
Thu 2099-01-01 00:00:00 UTC 72 years 1 month left -                           -      v-c.timer v-c.service
-                           -                     Sat 2026-11-28 00:28:27 UTC 1s ago v-d.timer v-c.service""",
        ),
    ],
)
def test_columns_share_what_there_is(width: int, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines(TIMERS, ELAPSING, width, monkeypatch) == expected.splitlines()


def test_the_one_that_needs_less_leaves_it_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines(SOCKETS, LISTENING, 40, monkeypatch) == [
        "LISTEN    TYPE     UNIT       ACTIVATES",
        "/run/v-a  Stream   v-a.socket v-a.servi…",
        "/run/v-b  Stream   v-b.socket v-b@0-68-…",
        "/run/v-f… FIFO     v-a.socket v-a.servi…",
        "127.0.0.… Datagram v-a.socket v-a.servi…",
    ]
    assert lines(SOCKETS, LISTENING[:1], 60, monkeypatch, legend=False) == ["/run/v-a Stream v-a.socket v-a.service"]
    assert lines(SOCKETS, [], 60, monkeypatch, legend=False) == []
    assert lines(SOCKETS, [], 8, monkeypatch)[0].count("…") == 4  # each has one column


def test_without_unicode(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [["kobject-uevent 1", "SequentialPacket", "v-i.socket", "v-i.service"]]
    assert lines(SOCKETS, rows, 50, monkeypatch, SYSTEMD_UTF8="0") == [
        "LISTEN        TYPE          UNIT       ACTIVATES",
        "kobject-ue... Sequential... v-i.socket v-i.service",
    ]
    assert lines(SOCKETS, rows, 9, monkeypatch, SYSTEMD_UTF8="0") == [". . .. ..", ". . .. .."]


def test_wide_characters_take_two_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines(["A", "B"], [["火火", "x"], ["abcd", "y"]], 80, monkeypatch) == ["A    B", "火火 x", "abcd y"]


def test_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Sequence[Optional[str]]] = [
        LISTENING[0],
        ["/run/v-b", "Stream", "v-b.socket", None],
        LISTENING[3],
    ]
    assert lines(SOCKETS, rows, 60, monkeypatch, SYSTEMD_COLORS="1") == [
        "^[0m^[0;4mLISTEN        ^[0m^[0m^[0;4m TYPE    ^[0m^[0m^[0;4m UNIT      ^[0m^[0m^[0;4m ACTIVATES  ^[0m",
        "/run/v-a       Stream   v-a.socket v-a.service",
        "/run/v-b       Stream   v-b.socket ^[0;38;5;245m-          ^[0m",
        "127.0.0.1:7777 Datagram v-a.socket v-a.service",
    ]


YELLOW, RED, UNDERLINED = "^[0;1;38;5;185m", "^[0;1;31m", "^[0;4m"


@pytest.mark.parametrize(
    ("unit", "others", "expected"),
    [
        (
            {"LoadState": "not-found", "ActiveState": "inactive", "SubState": "dead"},
            ["z.timer"],
            (
                f"{YELLOW}{UNDERLINED}●^[0m{YELLOW}{UNDERLINED} ^[0ma.socket {RED}{UNDERLINED}not-found^[0m"
                f"{RED}{UNDERLINED} ^[0minactive dead    ^[0m{UNDERLINED}a.socket   ^[0m"
            ),
        ),
        (
            {"ActiveState": "failed", "SubState": "failed"},
            [],
            (
                f"{RED}●^[0m{RED} ^[0m{RED}a.socket^[0m{RED} ^[0mloaded {RED}failed^[0m{RED} ^[0m{RED}failed^[0m"
                f"{RED} ^[0ma.socket"
            ),
        ),
        ({"ActiveState": "active", "SubState": "running"}, [], "  a.socket loaded active running a.socket"),
    ],
)
def test_list_units(manager: FakeManager, unit: dict[str, str], others: Sequence[str], expected: Optional[str]) -> None:
    manager.add("a.socket", **unit)
    for name in others:
        manager.add(name)
    done = manager.run("list-units", "--all", SYSTEMD_COLORS="1")
    assert done.stdout.replace("\x1b", "^").splitlines()[1] == expected


def test_list_unit_files(run: Run, tmp_path: Path) -> None:
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    for name in ("a.socket", "b.socket"):
        (units / name).write_text("[Socket]\nListenStream=/run/x\n[Install]\nWantedBy=sockets.target\n")
    (units / "s.path").write_text("[Path]\nPathExists=/x\n")
    (units / "m.timer").symlink_to("/dev/null")
    (units / "t.timer").write_text("[Timer]\nOnCalendar=daily\n")
    (units / "sockets.target.wants").mkdir()
    (units / "sockets.target.wants/a.socket").symlink_to("../a.socket")
    done = run(
        f"--root={tmp_path}", "list-unit-files", "--no-legend", "[abmst].*[ehkt]", "[mt].timer", SYSTEMD_COLORS="1"
    )
    underlined = f"^[0m{UNDERLINED}"
    assert done.stdout.replace("\x1b", "^").splitlines() == [
        (
            f"{underlined}s.path  ^[0m{underlined} ^[0m{underlined}static  ^[0m{underlined} ^[0m"
            f"^[0;38;5;245m{UNDERLINED}-      ^[0m"
        ),
        "a.socket ^[0;1;32menabled ^[0m^[0;1;32m ^[0m^[0;1;32menabled^[0m",
        (
            f"{underlined}b.socket^[0m{underlined} ^[0m{RED}{UNDERLINED}disabled^[0m{RED}{UNDERLINED} ^[0m"
            f"^[0;1;32m{UNDERLINED}enabled^[0m"
        ),
        f"m.timer  {RED}masked  ^[0m{RED} ^[0m^[0;1;32menabled^[0m",
        "t.timer  static   ^[0;38;5;245m-      ^[0m",
    ]
