"""Every key of [Install] with every kind of bad value, alone and beside good units, compared with the real systemctl.

A wrong file may cost its own unit its links, never those of other units.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.conformance.offline.generate import ETC, USR
from tests.conformance.offline.runner import Tree, real_version, run_ours, run_real

pytestmark = pytest.mark.skipif(real_version() != 252, reason="the oracle, systemctl 252, is not installed")

# UpheldBy= is newer than 252.
KEYS = ("Alias", "WantedBy", "RequiredBy", "Also", "DefaultInstance")
VALUES = (
    "", "\\q.service", "a\\", "\\x2fb.service", "\\xzz.service", "\\x00.service", "\\055.service", "\\u00e4.service",
    "good.service \\q.service other.service", "'", '"', "'other.service", "'a b.service' other.service",
    "a'b.service", "\\'other.service\\'", "%", "%%.service", "%z.service", "%i.service", "%j%n", "%Z\\q", ".service",
    "@.service", "a@b@c.service", "a.service.", "a.unknown", "a/b.service", "/etc/systemd/system/other.service",
    "../other.service", "..", ".", "*.service", "a b\\ c.service",
    "é.service", "\udcff.service", "a\udcc3b", "\x01.service",
    "\x7f.service", "\x0b", "\x0bother.service", "a\u00a0b.service", "a" * 238 + ".service", "a" * 248 + ".service",
    "a" * 249 + ".service", "%n" + "a" * 240 + ".service", "a" * 1800, "other.service " * 120,
    "bad.service", "template@.service", "template@x.service", "template@\\x20.service", "multi-user.target",
    "other.service \"x.service", "good.service 'a b.service' 'x", "other.service x\\",
    "x%q.service", "x%w.service", "%M.service", "x%o.service", "multi-user.target.wants/bad.service",
    "a\\nb.target", "\\", "\\\\", "x;y.service", "=", "other.service=x",
)  # fmt: skip
GOOD = "[Install]\nWantedBy=multi-user.target\n"


def _tree(name: str, text: str, beside: bool) -> Tree:
    files = [(f"{USR}/{name}", text)]
    if beside:
        files += [(f"{USR}/{good}", GOOD) for good in ("good.service", "other.service", "template@.service")]
    return Tree(files=tuple(files), directories=(ETC,))


def _commands(name: str, beside: bool) -> tuple[tuple[str, ...], ...]:
    if beside:
        return (("list-unit-files",), ("enable", "other.service", name), ("preset-all",))
    return (("is-enabled", name), ("enable", name), ("disable", name))


@pytest.mark.parametrize(
    ("key", "name"),
    [*((key, "bad.service") for key in KEYS), ("Also", "bad@.service"), ("DefaultInstance", "bad@.service")],
)
def test_bad_values(tmp_path: Path, key: str, name: str) -> None:
    root = tmp_path / "root"
    different = []
    for value, beside in itertools.product(VALUES, (False, True)):
        tree = _tree(name, f"[Install]\n{key}={value}\nWantedBy=x.target\n", beside)
        commands = _commands(name, beside)
        tree.build(root)
        expected = run_real(root, commands)
        tree.build(root)
        ours = run_ours(root, commands)
        different += [
            (value, command, real_result, our_result)
            for command, real_result, our_result in zip(commands, expected, ours)
            if real_result != our_result
        ][:1]
    assert not different


def _compare(root: Path, tree: Tree, commands: tuple[tuple[str, ...], ...]) -> None:
    tree.build(root)
    expected = run_real(root, commands)
    tree.build(root)
    assert run_ours(root, commands) == expected


@pytest.mark.parametrize("release", ["", 'ID=debian\nVERSION_ID="12"\n', "IMAGE_ID=a b\n"])
@pytest.mark.parametrize("key", ["Alias", "WantedBy", "Also"])
def test_os_release(tmp_path: Path, key: str, release: str) -> None:
    """What there is of an os-release, which `test_bad_values` has none of, is what specifiers become."""
    root = tmp_path / "root"
    for letter in "AbBHlmMoqvwW":
        files = (
            (f"{USR}/a.service", f"[Install]\n{key}=x%{letter}.service\n"),
            ("/etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
            ("/etc/os-release", release),
            ("/usr/lib/os-release", "ID=other\n"),
        )
        tree = Tree(files=files, directories=(ETC,))
        commands = (("is-enabled", "a.service"), ("enable", "a.service"))
        _compare(root, tree, commands)


@pytest.mark.parametrize("target", ["t@.service", "t@x.service", "u@.service", "u@x.service"])
@pytest.mark.parametrize("directory", [ETC, "/run/systemd/system", USR])
@pytest.mark.parametrize("where", [ETC, USR, "/opt"])
def test_links_of_instances(tmp_path: Path, target: str, directory: str, where: str) -> None:
    """A link whose name is an instance's stands for `enable` if it leads to the template, not if it leads to a file of
    its own name."""
    root = tmp_path / "root"
    files = tuple((f"{where}/{name}", GOOD) for name in ("t@.service", "u@.service", target))
    tree = Tree(files=files, links=((f"{directory}/t@x.service", f"{where}/{target}"),), directories=(ETC,))
    commands = (("is-enabled", "t@x.service"), ("list-unit-files",), ("disable", "t@x.service"))
    _compare(root, tree, commands)
