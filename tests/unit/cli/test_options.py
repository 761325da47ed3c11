"""Our getopt_long against the C library's own, and against the real systemctl's table."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from systemctl_replacement.cli import option_table as systemctl
from systemctl_replacement.cli.options import NO, OPTIONAL, REQUIRED, CommandLine, OptionError

LONG = {
    "all": (NO, "all"),
    "after": (NO, "after"),
    "kill-whom": (REQUIRED, "kill-whom"),
    "lines": (REQUIRED, "lines"),
    "legend": (REQUIRED, "legend"),
    "maybe": (OPTIONAL, "maybe"),
    "fail": (NO, "fail"),
    "failed": (NO, "failed"),
    "same-one": (NO, "same"),
    "same-two": (NO, "same"),
}
SHORT = {"a": (NO, "all"), "n": (REQUIRED, "lines"), "m": (OPTIONAL, "maybe"), "q": (NO, "quiet")}

Result = tuple[list[tuple[str, "str | None"]], list[str], str]


def ours(arguments: list[str]) -> Result:
    line = CommandLine(["program", *arguments], LONG, SHORT)
    found = []
    try:
        for key, value in line.options():
            found.append((key, value))
    except OptionError as error:
        return found, [], str(error)
    return found, line.operands, ""


class _Option(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("has_arg", ctypes.c_int),
        ("flag", ctypes.POINTER(ctypes.c_int)),
        ("val", ctypes.c_int),
    )


def glibcs(arguments: list[str]) -> Result:
    """The same through getopt_long(3) of this machine's C library."""
    libc = ctypes.CDLL(None)
    keys = sorted({key for _, key in (*LONG.values(), *SHORT.values())})
    numbers: Mapping[str, int] = {key: 1000 + position for position, key in enumerate(keys)}
    options = (_Option * (len(LONG) + 1))()
    for position, (name, (takes, key)) in enumerate(LONG.items()):
        options[position] = _Option(name.encode(), takes, None, numbers[key])
    short = "".join(letter + ":" * takes for letter, (takes, _) in SHORT.items()).encode()
    argv = (ctypes.c_char_p * (len(arguments) + 2))(b"program", *(word.encode() for word in arguments), None)
    optarg = ctypes.c_char_p.in_dll(libc, "optarg")
    optind = ctypes.c_int.in_dll(libc, "optind")
    optind.value = 0
    found: list[tuple[str, str | None]] = []
    sys.stderr.flush()
    with tempfile.TemporaryFile() as errors:
        saved = os.dup(2)
        os.dup2(errors.fileno(), 2)
        try:
            while True:
                value = libc.getopt_long(len(arguments) + 1, argv, short, options, None)
                if value in (-1, ord("?")):
                    break
                key = next(
                    (name for name, number in numbers.items() if number == value),
                    SHORT.get(chr(value & 0xFF), ("", ""))[1],
                )
                found.append((str(key), None if optarg.value is None else optarg.value.decode()))
        finally:
            os.dup2(saved, 2)
            os.close(saved)
        errors.seek(0)
        text = errors.read().decode().rstrip("\n")
    operands = [] if text else [(word or b"").decode() for word in argv[optind.value : len(arguments) + 1]]
    return found, operands, text


words = st.one_of(
    st.sampled_from(["--", "-", "", "x", "start", "-a", "-n", "-n5", "-m", "-m5", "-aq", "-qn", "-an7", "-Z", "--a"]),
    st.sampled_from([f"--{name}" for name in LONG]),
    st.sampled_from([f"--{name}=v" for name in LONG]),
    st.sampled_from(["--kill", "--kill-who=main", "--l=1", "--li=1", "--fai", "--same", "--same=1", "--af", "--zz=1"]),
    st.text(alphabet="-=anmqklxf", max_size=6),
)


@given(st.lists(words, max_size=6))
@settings(max_examples=400, deadline=None)
def test_as_the_c_library(arguments: list[str]) -> None:
    assert ours(arguments) == glibcs(arguments)


@given(st.lists(words, max_size=6))
@settings(max_examples=100, deadline=None)
def test_as_the_c_library_when_posixly_correct(arguments: list[str]) -> None:
    os.environ["POSIXLY_CORRECT"] = "1"
    try:
        assert ours(arguments) == glibcs(arguments)
    finally:
        del os.environ["POSIXLY_CORRECT"]


REAL = shutil.which("systemctl")
NEWER = ("no-warn", "verbose")
is_252 = REAL is not None and b"systemd 252" in subprocess.run([REAL, "--version"], capture_output=True).stdout


@pytest.mark.skipif(not is_252, reason="needs systemctl 252")
@pytest.mark.parametrize(
    "arguments",
    [
        *([f"--{letter}"] for letter in "abdefghilmnpqrstuvwxyz"),
        *([f"--{letter}=zz"] for letter in "abdefghilmnpqrstuvwxyz"),
        *([f"--{name}"] for name, (takes, _) in systemctl.LONG.items() if takes == REQUIRED),
        *([f"--{name}=x"] for name, (takes, _) in systemctl.LONG.items() if takes == NO and name not in NEWER),
        *([f"-{letter}"] for letter in "bcdegjkmuwxyzABCDEFGIJKLNOQRSUVWXYZ"),
        *([f"-{letter}"] for letter, (takes, _) in systemctl.SHORT.items() if takes == REQUIRED),
        ["--lines=x"],
        ["--lines=-1"],
        ["--type=x"],
        ["--output=x"],
        ["--signal=NOPE"],
        ["--preset-mode=x"],
        ["--timestamp=x"],
        ["--check-inhibitors=x"],
        ["--legend=x"],
        ["--root=/x", "--image=/y"],
        ["--wait", "--no-block", "start", "x"],
        ["frobnicate"],
        ["start"],
        ["cat"],
        ["show-environment", "x"],
        ["isolate", "a", "b"],
        ["--type=help"],
        ["--state=help"],
        ["--output=help"],
        ["--signal=help"],
        ["--signal=list"],
        ["--preset-mode=help"],
        ["--timestamp=help"],
        ["--what=help"],
    ],
    ids=" ".join,
)
def test_texts_and_statuses_of_the_real_one(arguments: list[str], run: object) -> None:
    assert REAL is not None
    real = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    mine = run(*arguments)  # type: ignore[operator]
    if "not been booted" in real.stderr or "connect to bus" in real.stderr:
        # The command line was accepted. More cannot be expected where no systemd runs.
        assert "option" not in mine.stderr
        return
    assert (mine.stderr, mine.stdout, mine.returncode) == (real.stderr, real.stdout, real.returncode)


def test_no_warn_does_not_change_abbreviations() -> None:
    options, _ = systemctl.parse(["systemctl", "--no-w", "--no-warn"], str, str)
    assert (options.wall, options.no_warn) == (False, True)


@pytest.mark.skipif(not is_252, reason="needs systemctl 252")
def test_the_help_is_that_of_the_real_one_with_what_is_ours(run: object) -> None:
    real = subprocess.run(["systemctl", "--help"], capture_output=True, text=True).stdout.splitlines()
    mine = iter(run("--help").stdout.splitlines())  # type: ignore[operator]
    assert all(line in mine for line in real), "a line is missing, or in another place"
    added = set(run("--help").stdout.splitlines()) - set(real)  # type: ignore[operator]
    assert any(line.startswith("  init ") for line in added)
