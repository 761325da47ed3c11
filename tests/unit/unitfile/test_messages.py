"""Our messages about wrong values and wrong units against those of the real systemd, line by line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from systemctl_replacement.unitfile.load import load
from systemctl_replacement.unitfile.loadpath import Index
from systemctl_replacement.unitfile.specifiers import Host
from tests.unit.unitfile.oracle import messages_of, needs_systemd, verify

# Assignments to try, right and wrong, one per line: "Section|Directive=value".
CASES = [line for line in (Path(__file__).parent / "wrong_values.txt").read_text().split("\n") if line]

# Where our messages differ, and why.
DIFFERENT = {
    "Service|PIDFile=/var/run/x.pid": "systemd-analyze hides this message, the manager logs it (seen in a box)",
}

_REST = {
    "service": "[Service]\nExecStart=/bin/true\n",
    "socket": "[Socket]\nListenStream=/x\n",
    "timer": "[Timer]\nOnBootSec=1\n",
    "path": "[Path]\nPathExists=/x\n",
    "automount": "[Automount]\nWhere=/q{}\n",
    "mount": "[Mount]\nWhat=x\nWhere=/q{}\n",
}


def _write(directory: Path) -> list[str]:
    units = []
    for number, case in enumerate(CASES):
        section, _, assignment = case.partition("|")
        kind = "service" if section in ("Unit", "Install", "Service") else section.lower()
        units.append(f"q{number}.{kind}")
        text = f"[{section}]\n{assignment}\n{_REST[kind].format(number)}"
        (directory / units[-1]).write_text(text, encoding="utf-8")
        if kind in ("socket", "timer", "path"):
            (directory / f"q{number}.service").write_text(_REST["service"])
    return units


def _about(unit: str, messages: list[str]) -> list[str]:
    # Jobs and commands are checked by systemd-analyze itself, not when units are loaded.
    noise = ("Failed to create", "cannot be started", "is not executable")
    pattern = re.compile(rf"(^|[ /]){re.escape(unit)}\b")
    return [line for line in messages if pattern.search(line) and not any(each in line for each in noise)]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[str], list[str]]]:
    directory = tmp_path_factory.mktemp("units")
    units = _write(directory)
    theirs = verify(directory, units)
    index, host = Index([str(directory)]), Host(machine_id="0" * 32, boot_id="1" * 32)
    return {
        case: (_about(unit, theirs), messages_of(load(unit, index, host), directory))
        for case, unit in zip(CASES, units)
    }


@needs_systemd
def test_messages_are_systemds(answers: dict[str, tuple[list[str], list[str]]]) -> None:
    wrong = {
        case: {"systemd": theirs, "ours": ours}
        for case, (theirs, ours) in answers.items()
        if theirs != ours and case not in DIFFERENT
    }
    assert not wrong


@needs_systemd
def test_listed_differences_still_exist(answers: dict[str, tuple[list[str], list[str]]]) -> None:
    assert [case for case in DIFFERENT if answers[case][0] == answers[case][1]] == []


TRUE = "ExecStart=/bin/true\n"
UNITS = {
    "nothing.service": "[Service]\n",
    "stop-only.service": "[Service]\nExecStop=/bin/true\n",
    "simple-without.service": "[Service]\nType=simple\nExecStop=/bin/true\n",
    "remain.service": "[Service]\nRemainAfterExit=yes\nExecStop=/bin/true\n",
    "two.service": "[Service]\n" + TRUE + TRUE,
    "oneshot-always.service": "[Service]\nType=oneshot\nRestart=always\n" + TRUE,
    "oneshot-success.service": "[Service]\nType=oneshot\nRestart=on-success\n" + TRUE,
    "oneshot-failure.service": "[Service]\nType=oneshot\nRestart=on-failure\n" + TRUE,
    "oneshot-force.service": "[Service]\nType=oneshot\nRestartForceExitStatus=1\n" + TRUE,
    "oneshot-cgroup.service": "[Service]\nType=oneshot\nExitType=cgroup\n" + TRUE,
    "oneshot-max.service": "[Service]\nType=oneshot\nRuntimeMaxSec=1\n" + TRUE,
    "bus.service": "[Service]\nType=dbus\n" + TRUE,
    "pam.service": "[Service]\nPAMName=x\nKillMode=process\n" + TRUE,
    "action.service": "[Unit]\nSuccessAction=exit\n[Service]\n",
    "usb.service": "[Service]\nUSBFunctionDescriptors=/x\n" + TRUE,
    "no-listen.socket": "[Socket]\n",
    "datagram-accept.socket": "[Socket]\nListenDatagram=1\nAccept=yes\n",
    "few.socket": "[Socket]\nListenStream=1\nAccept=yes\nMaxConnections=0\n",
    "accept-service.socket": "[Socket]\nListenStream=1\nAccept=yes\nService=two.service\n",
    "links.socket": "[Socket]\nListenFIFO=/x\nListenFIFO=/y\nSymlinks=/z\n",
    "empty.timer": "[Timer]\n",
    "empty.path": "[Path]\n",
    "empty.mount": "[Mount]\n",
    "other.mount": "[Mount]\nWhat=x\nWhere=/foo\n",
    "proc.mount": "[Mount]\nWhat=x\nWhere=/proc\n",
    "dev-shm.mount": "[Mount]\nWhat=x\nWhere=/dev/shm\n",
    "derived.mount": "[Mount]\nWhat=x\n",
    "other.automount": "[Automount]\nWhere=/x\n",
    "derived.automount": "[Automount]\n",
    "other.swap": "[Swap]\nWhat=/x\n",
    "derived.swap": "[Swap]\n",
    "a--b.slice": "[Slice]\n",
    "section.target": "[Unit]\nX=1\n[Service]\nA=1\n",
    "made.scope": "[Scope]\n",
    "header.service": "[Unit]\nBad=1\n[Service\nBad=1\n",
    "characters.service": "[Unit]\nBad=1\n[Ser'vice]\nBad=1\n",
    "outside.service": "Foo=1\n\n[Service]x\n",
}
RAW = {
    "latin.service": b"[Unit]\nDescription=a\xffb\xc3\n\xc3=1\n[Service]\n" + TRUE.encode(),
    "noncharacter.service": "[Unit]\nDescription=\ufffe\n[Service]\n".encode() + TRUE.encode(),
    "ends.service": b"[Service]\r\nExecStart=/bin/true\r\nBad=x\r\n\rBad3=1\nBad4=1\0Bad5=1\n\rBad6=1\n\0\nBad7=1\n",
    "mark.service": b"\xef\xbb\xbf[Unit]\nBad=1\n[Service]\n" + TRUE.encode(),
    "mark-comment.service": b"\xef\xbb\xbf# foo\n[Unit]\nBad=1\n[Service]\n" + TRUE.encode(),
    "continued.service": (
        b"[Unit]\nBad=1 \\\n# comment\n ; comment\n  2\\\n\nBad2=1\\\\\nBad3=1\\ \nBad4=1\n=1\nfoo\nOutside\n"
        b"[Bar]\nX=1\nfoo\n[X-Foo]\nY=1\n[Socket]\nListenStream=foo\n[Service]\n" + TRUE.encode() + b"Bad9=a\\"
    ),
    "binary.service": b"\x7fELF\x02\x01\x01\0\0\0\xff\xfe",
    "empty.service": b"",
    "blank.service": b"\n",
}


@needs_systemd
def test_units_are_refused_as_systemd_does(tmp_path: Path) -> None:
    for name, text in UNITS.items():
        (tmp_path / name).write_text(text)
    for name, data in RAW.items():
        (tmp_path / name).write_bytes(data)
    for trigger in ("datagram-accept", "few", "accept-service", "links", "empty"):
        (tmp_path / f"{trigger}.service").write_text("[Service]\n" + TRUE)
    (tmp_path / "empty.service").write_bytes(b"")
    units = [*UNITS, *RAW]
    index, host = Index([str(tmp_path)]), Host()
    # One by one: systemd-analyze gives up at the first unit whose file it cannot load.
    wrong = {}
    for unit in units:
        theirs = _about(unit, verify(tmp_path, [unit]))
        ours = messages_of(load(unit, index, host), tmp_path)
        if theirs != ours:
            wrong[unit] = {"systemd": theirs, "ours": ours}
    assert not wrong
