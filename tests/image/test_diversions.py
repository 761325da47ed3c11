"""dpkg's database of diversions, held against dpkg-divert."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement.image import diversions
from systemctl_replacement.image.diversions import Diversion
from systemctl_replacement.image.errors import ImageError
from tests.image import roots

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-divert") is None, reason="dpkg-divert is not installed")
words = st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1)


@given(st.lists(st.builds(Diversion, words, words, words)))
def test_what_is_written_is_read(made: list[Diversion]) -> None:
    assert diversions.parse(diversions.render(made)) == made


def test_a_damaged_database() -> None:
    with pytest.raises(ImageError, match="is damaged"):
        diversions.parse("/bin/sh\n/bin/sh.distrib\n")


@needs_dpkg
def test_dpkg_reads_what_we_write_and_we_what_dpkg_writes(tmp_path: Path) -> None:
    root = roots.merged(tmp_path)
    diversions.write(root, [*diversions.read(root), Diversion("/usr/bin/a", "/usr/bin/a.distrib")])
    divert = ["dpkg-divert", f"--admindir={tmp_path}/var/lib/dpkg"]
    listed = subprocess.run([*divert, "--list"], capture_output=True, text=True, check=True).stdout
    assert "local diversion of /usr/bin/a to /usr/bin/a.distrib\n" in listed
    subprocess.run([*divert, "--no-rename", "--package", "p", "--add", "/usr/bin/b"], check=True)
    assert set(diversions.read(root)) == {
        Diversion("/bin/sh", "/bin/sh.distrib", "dash"),
        Diversion("/usr/bin/a", "/usr/bin/a.distrib"),
        Diversion("/usr/bin/b", "/usr/bin/b.distrib", "p"),
    }


def test_the_one_before_is_kept(tmp_path: Path) -> None:
    root = roots.merged(tmp_path)
    diversions.write(root, [])
    assert (tmp_path / "var/lib/dpkg/diversions-old").read_text() == "/bin/sh\n/bin/sh.distrib\ndash\n"
    assert (tmp_path / "var/lib/dpkg/diversions").stat().st_mode & 0o7777 == 0o644


def test_names_that_packages_have(tmp_path: Path) -> None:
    root = roots.merged(tmp_path, packages="/bin/systemctl\n/usr/bin/journalctl.real\n")
    asked = ["/bin/systemctl", "/usr/bin/systemctl", "/usr/bin/journalctl"]
    assert diversions.names_in_packages(root, asked) == {"/bin/systemctl"}
