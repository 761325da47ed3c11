"""The Dockerfiles of the README and of docs/install.md do what the pages say, line by line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from release.__main__ import build as release
from tests.box.harness import Box
from tests.install import pages

EXAMPLES = [example for page in pages.PAGES for example in pages.examples(page)]
HERE = [example for example in EXAMPLES if example.suite]
PARTS = ("python", "libraries", "tarball", "deb", "one-file")


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make dist` makes, as the directory that images are built from."""
    directory = tmp_path_factory.mktemp("context")
    release(list(PARTS), directory / "dist")
    return directory


@pytest.mark.parametrize("example", HERE, ids=lambda example: str(example.name))
def test_dockerfiles_build_what_the_page_says(example: pages.Example, context: Path, tmp_path: Path) -> None:
    root = pages.build(example, tmp_path, context)
    for command, output in example.commands:
        assert root.run(command).stdout == output, command
    for file in example.files:
        said = re.search(rf"\| `{re.escape(file[5:])}`.* \| ([\d.]+) MB \|", pages.PAGES[1].read_text(encoding="utf-8"))
        if said:
            assert pages.size(root) == pytest.approx(float(said[1]), rel=0.05), file
    if example != EXAMPLES[0]:
        return  # tests/release boots what each way has made
    with Box(root=root.layers, init=["/usr/bin/systemctl", "init"]) as box:
        assert box.run("systemctl is-system-running --wait").stdout == "running\n"
        assert box.run("systemctl is-active nginx").stdout == "active\n"


def test_every_way_is_shown_for_a_base_that_is_here() -> None:
    assert len(HERE) == 6
    assert {example.name for example in EXAMPLES if not example.suite} == {"install.md-5"}
