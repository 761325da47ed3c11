"""Building a Dockerfile without a registry: its RUN lines run over the cached root file systems.

Layers are cached as the engines do it: each by what it is made from.
"""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from tests.box import rootfs
from tests.engines import checkers

# The certificates with which pip reaches the package index from this machine, and where a step finds them.
CERTIFICATES = Path(os.environ.get("PIP_CERT") or "/etc/ssl/certs/ca-certificates.crt")
SHOWN_AT = "/srv/certificates.crt"


@dataclass(frozen=True)
class Image:
    """What a Dockerfile describes. `layers` are topmost first."""

    layers: tuple[Path, ...]
    command: tuple[str, ...] = ()
    healthcheck: tuple[str, ...] = ()
    user: str = "0"
    environment: tuple[str, ...] = ()  # NAME=VALUE


def build(path: Path, base: Image) -> Image:
    """Build on an image in place of what FROM names. The context is this repository."""
    image = base
    copies: list[str] = []
    for name, text in checkers.instructions(path):
        if name == "COPY":
            source, target = text.split()
            copies.append(f"mkdir -p {target} && {_copy(source)} | tar -C {target} -x")
        elif name == "RUN":
            image = replace(image, layers=_layer(image, [*copies, text], bool(copies)))
            copies = []
        elif name == "CMD":
            image = replace(image, command=tuple(json.loads(text)))
        elif name == "HEALTHCHECK":
            image = replace(image, healthcheck=tuple(json.loads(text.partition("CMD ")[2])))
        elif name == "USER":
            image = replace(image, user=text)
        elif name == "ENV":
            image = replace(image, environment=(*image.environment, text))
        else:
            assert name == "FROM", f"{path}: {name} is not known here"
    return image


def _copy(source: str) -> str:
    ignored = (rootfs.REPOSITORY / ".dockerignore").read_text(encoding="utf-8").split()
    return shlex.join(["tar", "-C", "/mnt", *(f"--exclude={name}" for name in ignored), "-c", source])


def _layer(image: Image, steps: list[str], sources: bool) -> tuple[Path, ...]:
    lower, step = image.layers, " && ".join([*(f"export {pair}" for pair in image.environment), *steps])
    parts = [lower[0].name, step, *([rootfs.sources_digest()] if sources else [])]
    shown = {"/mnt": str(rootfs.REPOSITORY)}
    environment = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    if CERTIFICATES.exists():
        shown[SHOWN_AT] = str(CERTIFICATES)
        environment["PIP_CERT"] = SHOWN_AT

    def make(target: Path) -> None:
        rootfs.build(target, list(lower), [["/bin/sh", "-c", step]], shown, environment)

    # Those with our sources are removed like other installations, when there are newer ones and they are not used.
    kind = "ours" if sources or lower[0].name.startswith("ours-") else "packages"
    layer = rootfs.cached(f"{kind}-{rootfs.key_of(*parts)}", make, {})
    os.utime(layer)
    return (layer, *lower)
