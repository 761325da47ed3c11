"""Recognising the container engine by $container and marker files, like systemd."""

from __future__ import annotations

from pathlib import Path

import pytest

from systemctl_replacement.manager.pid1 import container_engine


def test_what_the_engine_says_below_run_host_comes_first(tmp_path: Path) -> None:
    (tmp_path / "run/host").mkdir(parents=True)
    (tmp_path / "run/host/container-manager").write_text("systemd-nspawn\n")
    assert container_engine(str(tmp_path), {"container": "docker"}) == "systemd-nspawn"


@pytest.mark.parametrize(
    ("environment", "marker", "engine"),
    [
        ({}, "", ""),
        ({"container": ""}, "", ""),
        ({"container": "lxc"}, ".dockerenv", "lxc"),
        ({"container": "crio"}, "", "container-other"),
        ({"container": "oci"}, "", "container-other"),
        ({"container": "oci"}, ".dockerenv", "docker"),
        ({}, ".dockerenv", "docker"),
        ({}, "run/.containerenv", "podman"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "", "container-other"),
    ],
)
def test_engines(tmp_path: Path, environment: dict[str, str], marker: str, engine: str) -> None:
    (tmp_path / "run").mkdir()
    if marker:
        (tmp_path / marker).touch()
    assert container_engine(str(tmp_path), environment) == engine
