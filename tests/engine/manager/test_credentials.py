"""Credentials as units find them: from where, under which names, whose, and for how long."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import threading
from pathlib import Path

import pytest

from systemctl_replacement.process.exec_spec import Credentials, LoadedCredential
from systemctl_replacement.process.sandbox.credentials import collect
from systemctl_replacement.process.step import StepFailed
from tests.engine.manager.engine import Engine, wait_for

LISTING = (
    '/bin/sh -c \'cd $${CREDENTIALS_DIRECTORY:-/nowhere} && stat -c "%%a %%u" . >>@ROOT@/notes; '
    'for name in *; do echo "$$(stat -c %%a $$name) $$name=$$(cat $$name)" >>@ROOT@/notes; done\''
)
UNIT = f"""\
[Service]
Type=oneshot
RemainAfterExit=yes
LoadCredential=passed
LoadCredential=renamed:other
LoadCredential=file:@ROOT@/file
LoadCredential=tree:@ROOT@/tree
LoadCredential=stored
LoadCredential=absent
LoadCredential=fallback:@ROOT@/nowhere
LoadCredential=spoken:@ROOT@/socket
ImportCredential=imp.*
SetCredential=fallback:given
SetCredential=passed:loses
SetCredential=imp.a:loses
SetCredential=text:a\\x41
ExecStart={LISTING}
ExecStop=/bin/sh -c 'echo "$$(cat $$CREDENTIALS_DIRECTORY/file)" >>@ROOT@/notes'
"""

PLAIN = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo $${CREDENTIALS_DIRECTORY-unset} >>@ROOT@/notes'\n"


@pytest.fixture
def passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of credentials that the manager is started with."""
    for name in ("passed", "other", "imp.a", "imp.b", "unasked"):
        (tmp_path / name).write_text(name)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    return tmp_path


def test_where_credentials_come_from_and_when_they_go(passed: Path) -> None:
    with Engine({"plain.service": PLAIN}) as e:
        e.write("a.service", UNIT)
        (e.root / "file").write_text("from a file")
        (e.root / "tree/below").mkdir(parents=True)
        (e.root / "tree/x").write_text("X")
        (e.root / "tree/below/y").write_text("Y")
        (e.root / "etc/credstore").mkdir()
        (e.root / "etc/credstore/stored").write_text("in the store")
        peers: list[bytes] = []
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(e.root / "socket"))
        server.listen()

        def speak() -> None:
            connection, address = server.accept()
            peers.append(address)
            connection.sendall(b"said")
            connection.close()

        speaker = threading.Thread(target=speak)
        speaker.start()
        assert e.run("start", "a.service") == "done"
        speaker.join(20)
        server.close()
        assert e.noted() == [
            f"500 {os.geteuid()}",
            "400 fallback=given",
            "400 file=from a file",
            "400 imp.a=imp.a",
            "400 imp.b=imp.b",
            "400 passed=passed",
            "400 renamed=other",
            "400 spoken=said",
            "400 stored=in the store",
            "400 text=aA",
            "400 tree_below_y=Y",
            "400 tree_x=X",
        ]
        assert peers[0].startswith(b"\0") and peers[0].endswith(b"/unit/a.service/spoken")
        e.notes.unlink()
        (e.root / "file").unlink()
        assert e.run("stop", "a.service") == "done"
        assert e.noted() == ["from a file"]
        assert os.listdir(e.root / "run/credentials") == []
        e.notes.unlink()
        assert e.run("start", "plain.service") == "done"
        assert e.noted() == ["unset"]


def test_a_unit_without_its_credential_fails_as_under_systemd() -> None:
    unit = (
        "[Service]\nType=oneshot\nLoadCredential=a:/nowhere/a\nExecStart=/bin/true\n"
        "ExecStopPost=/bin/sh -c 'echo stopped >>@ROOT@/notes'\n"
    )
    with Engine({"a.service": unit}) as e:
        assert e.run("start", "a.service") == "failed"
        assert e.show("a.service")["ExecMainStatus"] == 243
        e.wait_said("Failed to read credential 'a': No such file or directory")
        assert not (e.root / "run/credentials/a.service").exists()
        assert e.noted() == ["stopped"]


def test_what_closes_a_unit_needs_no_credential_any_more() -> None:
    note = "/bin/sh -c 'echo %s $${CREDENTIALS_DIRECTORY##*/} >>@ROOT@/notes'"
    unit = (
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nLoadCredential=a:@ROOT@/secret\nExecStart=/bin/true\n"
        f"ExecReload={note % 'reload'}\nExecStop={note % 'stop'}\nExecStopPost={note % 'post'}\n"
    )
    with Engine() as e:
        (e.root / "secret").touch()
        e.write("a.service", unit)
        assert e.run("start", "a.service") == "done"
        (e.root / "secret").unlink()
        shutil.rmtree(e.root / "run/credentials/a.service")
        assert e.run("reload", "a.service") == "done"
        assert e.run("stop", "a.service") == "done"
        assert e.noted() == ["reload a.service", "stop a.service", "post a.service"]
        assert e.show("a.service")["Result"] == "success"


def test_no_more_is_read_than_a_unit_may_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        (tmp_path / f"{number}").write_bytes(bytes(700_000))
    loaded = (LoadedCredential("a", str(tmp_path)),)
    opened: list[str] = []
    real = os.open

    def note(path: str, flags: int) -> int:
        opened.append(os.path.basename(path))
        return real(path, flags)

    monkeypatch.setattr(os, "open", note)
    with pytest.raises(StepFailed, match="Failed to read credential 'a'") as failed:
        collect(Credentials("/run/credentials/a.service", "a.service", (), loaded=loaded))
    assert failed.value.error.errno == errno.E2BIG
    assert opened == ["0", "1"]


def test_runtime_directories_that_are_preserved_stay() -> None:
    unit = (
        "[Service]\nType=oneshot\nRuntimeDirectory=kept\nRuntimeDirectoryPreserve=yes\nSetCredential=a:b\n"
        "ExecStart=/bin/true\n"
    )
    with Engine({"a.service": unit}) as e:
        assert e.run("start", "a.service") == "done"
        wait_for(lambda: e.sub("a.service") == "dead", "the end of the service")
        assert os.listdir(e.root / "run/credentials") == []
        assert (e.root / "run/kept").is_dir()


def test_conditions_ask_for_what_was_passed(passed: Path) -> None:
    unit = "[Unit]\nConditionCredential={}\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
    with Engine({"a.service": unit.format("passed"), "b.service": unit.format("absent")}) as e:
        e.run("start", "a.service")
        e.run("start", "b.service")
        assert (e.sub("a.service"), e.sub("b.service")) == ("exited", "dead")
