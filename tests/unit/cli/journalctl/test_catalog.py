"""The catalogue: files of the image and our own. What is expected is what journalctl 252 shows of the same file."""

from __future__ import annotations

from pathlib import Path

import pytest

from systemctl_replacement.cli.journalctl import catalog
from systemctl_replacement.cli.journalctl.catalog import Catalog, message_id, parse
from systemctl_replacement.cli.journalctl.output import output
from tests.unit.cli.journalctl.records import HEAD, entry, shown

ONE, TWO, THREE = (digit * 32 for digit in "123")
FILE = f"""# comment
-- {ONE}
Subject: first @UNIT@ @nope@ @@ @MESSAGE @MESSAGE@ @ @A B@
Documentation: man:x(1)


Body line 1
# comment in body
  indented @_PID@ @MISSING@.
-- not an id

trailing

-- {TWO}
Subject: no body
-- {THREE}
is part of the body, because no empty line is in front

-- {THREE} de
Subject: deutsch
"""


def test_a_file() -> None:
    found = {(identifier, language): text for identifier, language, text in parse(FILE)}
    assert list(found) == [(ONE, ""), (TWO, ""), (THREE, "de")]
    assert Catalog({ONE: found[ONE, ""]}).text(entry("m1", MESSAGE_ID=ONE, UNIT="x.service", A="1")) == (
        "Subject: first x.service @nope@ @@ @MESSAGE m1 @ @A B@\n"
        "Documentation: man:x(1)\n"
        "\n"
        "Body line 1\n"
        "  indented 51 MISSING.\n"
        "-- not an id\n"
        "\n"
        "trailing"
    )
    assert found[TWO, ""].endswith(f"no body\n-- {THREE}\nis part of the body, because no empty line is in front")
    assert [language for _, language, _ in parse(f"-- {ONE}\nSubject: x\n", "fr")] == ["fr"]


def test_entries_without_an_explanation() -> None:
    explanations = Catalog({ONE: "x"})
    assert explanations.text(entry()) is None
    assert explanations.text(entry(MESSAGE_ID=TWO)) is None
    assert explanations.text(entry(MESSAGE_ID="no id")) is None


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("39f53479d3a045ac8e11786248231fbf", "39f53479d3a045ac8e11786248231fbf"),
        ("39F53479D3A045AC8E11786248231FBF", "39f53479d3a045ac8e11786248231fbf"),
        ("39f53479-d3a0-45ac-8e11-786248231fbf", "39f53479d3a045ac8e11786248231fbf"),
        ("39f53479d3a045ac8e11786248231fb", ""),
        ("39f53479d3a045ac8e11786248231fbg", ""),
        ("", ""),
    ],
)
def test_ids(text: str, identifier: str) -> None:
    assert message_id(text) == identifier


def test_fields_cannot_drive_a_terminal() -> None:
    explanations = Catalog({ONE: "@A@ @B@ @C@"})
    assert explanations.text(entry(MESSAGE_ID=ONE, A="\x1b[31m", B=b"\xff\xff", C=["first", "second"])) == (
        "[5B blob data] [2B blob data] first"
    )


def test_files_of_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")

    def write(path: str, identifier: str, text: str) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"-- {identifier}\nSubject: {text}\n")

    write("usr/lib/systemd/catalog/a.catalog", ONE, "a")
    write("usr/lib/systemd/catalog/b.catalog", ONE, "b comes later")
    write("usr/lib/systemd/catalog/c.catalog", TWO, "masked")
    write("etc/systemd/catalog/c.catalog", TWO, "of etc")
    write("usr/lib/systemd/catalog/d.de.catalog", THREE, "deutsch")
    write("usr/lib/systemd/catalog/e.txt", THREE, "no catalogue")
    found = catalog.load(str(tmp_path)).entries
    assert (found[ONE], found[TWO]) == ("Subject: b comes later", "Subject: of etc")
    assert THREE not in found


def test_our_own_messages(tmp_path: Path) -> None:
    found = catalog.load(str(tmp_path)).entries
    assert found
    for text in found.values():
        header, _, body = text.partition("\n\n")
        names = [line.partition(":")[0] for line in header.split("\n")]
        assert names[:2] == ["Subject", "Defined-By"]
        assert body and all(len(line) < 80 for line in body.split("\n"))


def test_how_explanations_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("SYSTEMD_URLIFY", "0")
    monkeypatch.setattr(output.Output, "catalog", Catalog({ONE: "Subject: s\nDocumentation: man:x(1)\n\nbody"}))
    found = entry("m", MESSAGE_ID=ONE)
    explained = "░░ Subject: s\n░░ Documentation: man:x(1)\n░░ \n░░ body\n"
    assert shown(found, catalog=True) == f"{HEAD}m\n{explained}"
    assert shown(found, "verbose", catalog=True).endswith(f"    MESSAGE=m\n{explained}")
    assert shown(found, "cat", catalog=True) == "m\n"
    assert shown(found) == f"{HEAD}m\n"
    colored = shown(found, catalog=True, colors=True).split("\n")
    assert colored[1] == "\x1b[0;38;5;245m░░ \x1b[0m\x1b[0;32mSubject: s\x1b[0m"
    assert colored[3] == "\x1b[0;38;5;245m░░\x1b[0m \x1b[0;32m\x1b[0m"
    monkeypatch.setenv("LC_ALL", "C")
    assert shown(found, catalog=True) == f"{HEAD}m\n{explained}".replace("░░", "--")
    # Where there is more to read is a link in front of the message, also without -x.
    monkeypatch.setenv("SYSTEMD_URLIFY", "1")
    monkeypatch.setenv("SYSTEMD_UTF8", "1")
    assert shown(found) == f"{HEAD}\x1b]8;;man:x(1)\a[🡕]\x1b]8;;\a m\n"
