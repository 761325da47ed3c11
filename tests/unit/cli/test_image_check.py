"""`systemctl init --check` as people and programs see it: output and exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.check.images import TestImage
from tests.unit.cli.conftest import MAIN

FULL = "--show-status=full names them"
COUNT = "Profile docker: 1 error, 1 warning."
ENVIRONMENT = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


@pytest.fixture
def image(tmp_path: Path) -> TestImage:
    return TestImage(tmp_path)


def run(image: TestImage, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`systemctl init` for an image; halts may take long enough unless a word says how long."""
    return subprocess.run(
        [sys.executable, "-ISXutf8", str(MAIN), "init", f"--root={image.root}", *words],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={"SYSTEMCTL_STOP_TIMEOUT": "1h", **ENVIRONMENT, **environment},
        timeout=60,
    )


def test_an_image_without_faults(image: TestImage) -> None:
    image.service("")
    result = run(image, "--check")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "A boot of default.target starts 1 unit: a.service. Profile docker: 0 errors, 0 warnings.\n"


def test_errors_first_then_warnings_then_a_summary(image: TestImage) -> None:
    image.unit("a.service", "[Unit]\nFoo=bar\n[Service]\nExecStart=/usr/bin/nowhere\n")
    image.service("", "ConditionPathExists=/etc/nowhere", "b.service")
    image.service("", "", "procps.service")
    path = f"{image.root}/etc/systemd/system/a.service"
    lines = [
        f"error: {path}:4: a.service: Command /usr/bin/nowhere is not executable: No such file or directory",
        f"warning: {path}:2: a.service: Unknown key 'Foo' in section [Unit], ignoring.",
        "skipped: b.service: ConditionPathExists=/etc/nowhere is not met.",
        f"A boot of default.target starts 1 unit: a.service. 2 units are skipped ({FULL}). {COUNT}",
    ]
    result = run(image, "--check")
    assert (result.returncode, result.stdout.splitlines(), result.stderr) == (1, lines, "")
    full = run(image, "--check", "--show-status=full").stdout.splitlines()
    assert [line for line in full if line.startswith("skipped: procps.service: kernel settings are the host's")]
    assert lines[2] in full
    assert full[-1] == f"A boot of default.target starts 1 unit: a.service. 2 units are skipped. {COUNT}"
    image.path("/etc/systemd/system/procps.service").unlink()
    assert "1 unit is skipped (--show-status=full names it)." in run(image, "--check").stdout


def test_the_summary_names_what_starts_others(image: TestImage) -> None:
    image.unit("a.service", wanted_by="")
    image.unit("a.timer", "[Timer]\nOnCalendar=daily\n", "timers.target")
    image.unit("b.path", "[Path]\nPathExists=/run/b\nUnit=a.service\n")
    image.unit("c.socket", "[Socket]\nListenFIFO=/run/c\nService=a.service\n", "sockets.target")
    image.unit("d.slice", "[Slice]\n")
    image.unit("srv.mount", "[Mount]\nWhat=x\nWhere=/srv\n", "")
    *_, summary = run(image, "--check").stdout.splitlines()
    boot = summary.partition(".  ")[0].partition(" Profile")[0]
    words = boot.removesuffix(".").replace(",", "").split()
    assert boot.startswith("A boot of default.target starts 3 units: ")
    assert sorted(words[-3:]) == ["a.timer", "b.path", "c.socket"]
    assert "A boot of a.timer starts 1 unit: a.timer." in run(image, "--check", "a.timer").stdout
    assert "A boot of srv.mount starts 1 unit: srv.mount." in run(image, "--check", "srv.mount").stdout


def test_why_a_named_unit_cannot_be_started(image: TestImage) -> None:
    image.unit("bad.timer", "[Timer]\nOnCalender=daily\n", "")
    path = f"{image.root}/etc/systemd/system/bad.timer"
    *lines, _ = run(image, "--check", "bad.timer").stdout.splitlines()
    assert lines == [
        "error: bad.timer: Failed to start bad.timer: Unit bad.timer has a bad unit file setting.",
        "error: bad.timer: Timer unit lacks value setting. Refusing.",
        f"warning: {path}:2: bad.timer: Unknown key 'OnCalender' in section [Timer], ignoring.",
    ]


def test_warnings_alone_are_no_failure(image: TestImage) -> None:
    image.service("PrivateTmp=yes")
    result = run(image, "--check")
    assert result.returncode == 0
    assert result.stdout.startswith("warning: a.service: Settings that are not applied here: PrivateTmp=\n")


def test_escape_sequences_of_an_image_do_not_reach_the_terminal(image: TestImage) -> None:
    image.unit("a.service", "[Service]\nExecStart=/usr/bin/true\n\x1b[31mFoo=bar\n")
    output = run(image, "--check").stdout
    assert "Foo" in output
    assert "\x1b" not in output


@pytest.mark.parametrize("words", [["--output=json"], ["-o", "json"], ["-ojson"], ["--output", "json-pretty"]])
def test_json(image: TestImage, words: list[str]) -> None:
    image.unit("a.service", "[Service]\nUser=nosuch\nExecStart=/usr/bin/true\n")
    image.service("", "ConditionPathExists=/etc/nowhere", "b.service")
    result = run(image, "--check", *words)
    assert result.returncode == 1
    found = json.loads(result.stdout)
    assert list(found) == [
        "version", "profile", "goal", "starts", "skipped", "stop", "findings", "errors", "warnings",
    ]  # fmt: skip
    assert found["version"] == 1
    assert (found["profile"], found["goal"]) == ("docker", ["default.target"])
    assert {"a.service", "multi-user.target"} <= set(found["starts"])
    assert found["skipped"] == [
        {"unit": "b.service", "reason": "ConditionPathExists=/etc/nowhere", "condition": True}
    ]  # fmt: skip
    assert found["stop"] == {"chain": ["a.service"], "usec": 90_000_000, "limit_usec": 3_599_000_000, "told": True}
    assert found["findings"] == [
        {
            "severity": "error",
            "code": "account",
            "unit": "a.service",
            "file": f"{image.root}/etc/systemd/system/a.service",
            "line": 2,
            "text": "There is no user nosuch in /etc/passwd.",
        }
    ]
    assert (found["errors"], found["warnings"]) == (1, 0)


def test_help_and_version_come_before_a_check(image: TestImage) -> None:
    assert run(image, "--check", "--help").stdout.startswith("systemctl init [OPTIONS...]")
    assert run(image, "--check", "--wait-for", "a", "--version").stdout.startswith("systemd 252 ")


def test_other_goals(image: TestImage) -> None:
    image.service("ExecStart=/usr/bin/nowhere")
    image.unit("b.service", wanted_by="other.target")
    image.unit("other.target", "[Unit]\nRequires=basic.target\n", "")
    image.unit("procps.service", "[Service]\nExecStart=/usr/bin/nowhere\n", "")

    def goal(*words: str) -> tuple[int, str]:
        result = run(image, *words, "--check")
        return result.returncode, result.stdout.splitlines()[-1].partition(".  ")[0].partition(" Profile")[0]

    assert goal("--unit=other") == (0, "A boot of other.target starts 1 unit: b.service.")
    assert goal("other.target", "b") == (0, "A boot of other.target, b.service starts 1 unit: b.service.")
    assert goal("procps") == (
        1,
        "A boot of procps.service starts 1 unit: procps.service.",
    )  # by name it is not skipped
    result = run(image, "nosuch", "--check")
    assert result.returncode == 1
    assert "Failed to start nosuch.service: Unit nosuch.service not found." in result.stdout


def test_a_command_in_the_foreground(image: TestImage) -> None:
    image.unit("b.service", "[Service]\nExecStart=/usr/bin/nowhere\n", "")
    image.program("/opt/x", b"echo\n")
    result = run(image, "--check", "--", "true", "--nosuch", PATH="/usr/bin")
    assert (result.returncode, result.stderr) == (0, "")
    assert run(image, "--check", "--", "x", PATH="/opt").returncode == 0  # a shell reads it
    for command in (["x"], ["/opt/y"]):
        result = run(image, "--check", "--", *command, PATH="/usr/bin")
        assert result.returncode == 1
        assert f"Command {command[0]} is not executable: No such file or directory" in result.stdout
    result = run(image, "--check", "--wait-for=b", "--", "/opt/x")
    assert (result.returncode, "b.service: Command /usr/bin/nowhere is not executable" in result.stdout) == (1, True)


def test_profiles_and_the_time_for_a_halt(image: TestImage) -> None:
    image.service("User=web\nTimeoutStopSec=20")
    assert run(image, "--check").returncode == 0
    result = run(image, "--check", "--profile", "openshift", "--stop-timeout=10s")
    assert result.returncode == 1
    assert (
        "a.service: Settings that need CAP_SETGID and CAP_SETUID, which openshift does not grant: User=, "
        "so that the unit fails. It runs as init's user with ENV SYSTEMCTL_IGNORE_USER=yes\n"
    ) in result.stdout
    assert "warning: Stopping units in order may take 20s: a.service (20s). The halt has 9s." in result.stdout
    result = run(image, "--check", "--stop-timeout=40s", "--", "true", PATH="/usr/bin")
    assert "The halt has 39s, 19.5s of it for the foreground command." in result.stdout
    guessed = {
        name: json.loads(run(image, "--check", "-ojson", f"--profile={name}", SYSTEMCTL_STOP_TIMEOUT="").stdout)["stop"]
        for name in ("docker", "kubernetes")
    }
    assert [(guess["limit_usec"], guess["told"]) for guess in guessed.values()] == [
        (9_000_000, False),
        (29_000_000, False),
    ]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--profile=nosuch"], "Unknown profile 'nosuch': docker, podman, kubernetes, openshift, privileged."),
        (["--root=/nowhere"], "Cannot check /nowhere: it is no directory."),
        (["-o", "yaml"], "Unknown output 'yaml': text, json, json-pretty."),
        (["--stop-timeout=x"], "Failed to parse --stop-timeout= parameter 'x'."),
    ],
)
def test_options_that_are_none(image: TestImage, words: list[str], text: str) -> None:
    result = run(image, "--check", *words)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"{text}\n")


def test_an_answer_that_cannot_be_written(image: TestImage) -> None:
    command = [sys.executable, "-ISXutf8", str(MAIN), "init", f"--root={image.root}", "--check"]
    with open("/dev/full", "w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert result.returncode == 1
    assert "No space left on device" in result.stderr


@pytest.mark.parametrize("words", [["--chek"], ["--check", "--profil=openshift"], ["--profile=openshift"]])
def test_a_slip_starts_nothing_and_checks_nothing(image: TestImage, words: list[str]) -> None:
    result = run(image, *words)
    text = f"Unknown option {words[-1]}: see 'systemctl init --help'.\n"
    assert (result.returncode, result.stdout, result.stderr) == (1, "", text)


@pytest.mark.parametrize(
    ("word", "unit", "option"),
    [
        ("t@", "t@.service", ""),
        ("--wait-for=t@", "t@.service", "--wait-for=: "),
        ("--unit=t@", "t@.target", "--unit=: "),
    ],
)
def test_a_template_is_no_unit_to_start(image: TestImage, word: str, unit: str, option: str) -> None:
    image.unit("t@.service", wanted_by="")
    text = f"{option}Unit name {unit} is missing the instance name.\n"
    for check in ("--check", "--show-status=no"):
        result = run(image, word, check, "--", "true")
        assert (result.returncode, result.stdout, result.stderr) == (1, "", text)
