"""Specifiers, each of systemd.unit(5)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement.unitfile.specifiers import Host, SpecifierError, Subject, expand, parse_environment_file

HOST = Host(
    hostname="web.example.org", pretty_hostname="The Web", machine_id="m" * 32, boot_id="b" * 32, kernel="6.1",
    architecture="x86-64", os_release={"ID": "debian", "VERSION_ID": "12", "BUILD_ID": "bb", "VARIANT_ID": "vv"},
)  # fmt: skip
CONTEXT = Subject("foo-bar@x-y\\x20z.service", HOST, "/etc/systemd/system/foo-bar@.service")


@pytest.mark.parametrize(
    ("letter", "value"),
    [
        ("a", "x86-64"), ("A", ""), ("b", "b" * 32), ("B", "bb"), ("C", "/var/cache"), ("E", "/etc"),
        ("d", "/run/credentials/foo-bar@x-y\\x20z.service"),
        ("f", "/x/y z"), ("g", "root"), ("G", "0"), ("h", "/root"), ("H", "web.example.org"), ("i", "x-y\\x20z"),
        ("I", "x/y z"), ("j", "bar"), ("J", "bar"), ("l", "web"), ("L", "/var/log"), ("m", "m" * 32), ("M", ""),
        ("n", "foo-bar@x-y\\x20z.service"), ("N", "foo-bar@x-y\\x20z"), ("o", "debian"), ("p", "foo-bar"),
        ("P", "foo/bar"), ("q", "The Web"), ("s", "/bin/sh"), ("S", "/var/lib"), ("t", "/run"), ("T", "/tmp"),
        ("u", "root"), ("U", "0"), ("v", "6.1"), ("V", "/var/tmp"), ("w", "12"), ("W", "vv"),
        ("y", "/etc/systemd/system/foo-bar@.service"), ("Y", "/etc/systemd/system"), ("%", "%"),
    ],
)  # fmt: skip
def test_each(letter: str, value: str) -> None:
    assert expand(f"<%{letter}>", CONTEXT) == f"<{value}>"


def test_what_is_no_specifier() -> None:
    assert expand("100% %-x %% %", CONTEXT) == "100% %-x % %"
    assert expand("%%n%n", Subject("a.service", HOST)) == "%na.service"
    with pytest.raises(SpecifierError, match="Invalid slot"):
        expand("%Z", CONTEXT)
    with pytest.raises(SpecifierError, match="No such file"):
        expand("%m", Subject("a.service", Host()))


@pytest.mark.parametrize("letter", "ABMowW")
def test_without_an_os_release(letter: str, tmp_path: Path) -> None:
    host = Host.current(str(tmp_path))
    with pytest.raises(SpecifierError, match="Protocol driver not attached"):
        expand(f"%{letter}", Subject("a.service", host))
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/os-release").write_text("")
    assert expand(f"%{letter}", Subject("a.service", Host.current(str(tmp_path)))) == ""


def test_prefix_as_path() -> None:
    assert expand("%f %I|%i", Subject("srv-a.service", HOST)) == "/srv/a |"


@given(st.text())
def test_any_text(text: str) -> None:
    try:
        expand(text, CONTEXT)
    except SpecifierError as error:
        assert str(error)


def test_environment_files() -> None:
    assert parse_environment_file('A=1\n# c\nB="x \\"y\\""\nC=\'z\'\nbad\n') == {"A": "1", "B": 'x "y"', "C": "z"}


def test_current_host_needs_no_name_service() -> None:
    host = Host.current()
    assert host.hostname
    assert host.kernel
    assert host.boot_id.isalnum()
