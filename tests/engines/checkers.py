"""Programs and libraries that know the formats of the examples, in a directory of the cache.

They are not development dependencies: that would be a hundred megabytes in each virtual environment, and they want
another version of click than we do.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.box import rootfs

PACKAGES = ("check-jsonschema", "dockerfile-parse", "kubernetes-validate")
# Only for the schema that it ships. What it needs to run is much more.
ALONE = ("molecule",)


def directory() -> Path:
    """Where they are. Installed if they are not in the cache."""
    return rootfs.cached(f"checkers-{rootfs.key_of(*PACKAGES, *ALONE, sys.version)}", _install, {})


def _install(target: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(target)]
    rootfs.run([*pip, *PACKAGES])
    rootfs.run([*pip, "--no-deps", *ALONE])


def complaints(*words: str) -> str:
    """What a module of theirs says if it does not accept a file, "" if it does."""
    result = _python("-m", *words)
    return result.stdout + result.stderr if result.returncode else ""


def load(path: Path) -> Any:
    """The content of a YAML file."""
    result = _python(
        "-c", "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))", text=path.read_text()
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def instructions(path: Path) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile and what they say."""
    code = (
        "import dockerfile_parse, io, json, sys\n"
        "parser = dockerfile_parse.DockerfileParser(fileobj=io.BytesIO(sys.stdin.buffer.read()))\n"
        "print(json.dumps([(step['instruction'], step['value']) for step in parser.structure]))"
    )
    result = _python("-c", code, text=path.read_text())
    assert result.returncode == 0, result.stderr
    return [(name, text) for name, text in json.loads(result.stdout) if name != "COMMENT"]


def _python(*words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(directory())}
    return subprocess.run([sys.executable, *words], env=environment, input=text, capture_output=True, text=True)


if __name__ == "__main__":
    print(f"==> what checks the examples: {directory()}")
