"""Unit names: cases by hand, and many random strings compared with systemd-escape at once."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from systemctl_replacement.unitfile import names
from tests.unit.unitfile.oracle import needs_systemd

# Arguments of a command have no NUL. systemd-escape separates its answers with blanks, and escapes other blanks.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40)
TEXTS = st.lists(TEXT, min_size=1, max_size=60)
PATHS = st.lists(
    st.lists(st.sampled_from(["a", "b-c", ".d", "é", "", ".", "x.y"]), max_size=5).map("/".join), min_size=1
)


def ask(arguments: list[str], texts: list[str]) -> list[str]:
    done = subprocess.run(["systemd-escape", *arguments, "--", *texts], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n").split(" ")


@needs_systemd
@settings(max_examples=15, deadline=None)
@given(TEXTS)
def test_escape_is_systemds(texts: list[str]) -> None:
    assert [names.escape(text) for text in texts] == ask([], texts)


@needs_systemd
@settings(max_examples=15, deadline=None)
@given(PATHS)
def test_escape_path_is_systemds(paths: list[str]) -> None:
    paths = ["/" + path for path in paths]
    assert [names.escape_path(path) for path in paths] == ask(["--path"], paths)


@needs_systemd
@settings(max_examples=15, deadline=None)
@given(st.lists(st.text("abc./@-\\:x20é *", min_size=1, max_size=20), min_size=1, max_size=60))
def test_mangle_is_systemds(texts: list[str]) -> None:
    good = [text for text in texts if _mangles(text)]
    if good:
        assert [names.mangle(text) for text in good] == ask(["--mangle"], good)


def _mangles(text: str) -> bool:
    try:
        names.mangle(text)
    except ValueError:
        return False
    return True


@given(TEXT)
def test_unescape_undoes_escape(text: str) -> None:
    assert names.unescape(names.escape(text)) == text


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("foo", "foo.service"),
        ("foo.socket", "foo.socket"),
        ("foo.bar", "foo.bar.service"),
        ("foo@bar", "foo@bar.service"),
        ("/dev/sda", "dev-sda.device"),
        ("/home//x/", "home-x.mount"),
        ("/", "-.mount"),
        ("a/b", "a-b.service"),
        ("a b", "a\\x20b.service"),
    ],
)
def test_mangle(typed: str, meant: str) -> None:
    assert names.mangle(typed) == meant


def test_mangle_leaves_globs_alone_where_wanted() -> None:
    assert names.mangle("foo*", glob=True) == "foo*"
    assert names.mangle("foo*") == "foo\\x2a.service"
    with pytest.raises(ValueError, match="empty"):
        names.mangle("")


@pytest.mark.parametrize("name", ["a.service", "a@b.service", "a@.service", "-.slice", "a.b.service", "a@b@c.service"])
def test_valid_names(name: str) -> None:
    assert names.valid_unit_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "a", ".service", "a.foo", "@.service", "@a.service", "a b.service", "ä.service", "a" * 248 + ".service"],
)
def test_invalid_names(name: str) -> None:
    assert not names.valid_unit_name(name)


def test_parts() -> None:
    assert names.is_template("a@.service")
    assert not names.is_template("a@b.service")
    assert names.instance_of("a@b-c@d.service") == "b-c@d"
    assert names.instance_of("a@.service") == names.instance_of("a.service") == ""
    assert names.prefix_of("a-b@c.service") == "a-b"
    assert names.template_of("a@b.service") == "a@.service"
    assert names.replace_instance("a@.service", "x") == "a@x.service"
    assert names.slice_parent("a-b.slice") == "a.slice"
    assert names.slice_parent("a.slice") == "-.slice"
    assert names.slice_parent("-.slice") == ""
