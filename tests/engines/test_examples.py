"""What people copy: the files in examples/, each run as far as an engine here can, and checked by whatever knows its
format."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import pytest

from tests.box.harness import Box
from tests.engines import checkers
from tests.engines.engines import INIT, Container, Podman, together
from tests.engines.examples import EXAMPLES, images

DOCKERFILES = sorted(EXAMPLES.glob("*/Dockerfile"))
MANIFESTS = sorted(EXAMPLES.glob("*/web.yaml"))
OPENSHIFT_USER = "1000650000:0"


def name_of(path: Path) -> str:
    return path.parent.name


def answers(container: Container, port: int) -> str:
    """What nginx and redis say."""
    return container.run(f"curl -s -o /dev/null -w '%{{http_code}}' http://127.0.0.1:{port}/; redis-cli ping").stdout


@pytest.mark.parametrize("path", DOCKERFILES, ids=name_of)
def test_dockerfiles(path: Path) -> None:
    steps = checkers.instructions(path)
    assert steps[0][0] == "FROM" and steps[-1][0] in ("CMD", "USER")
    assert {name for name, _text in steps} <= {"FROM", "RUN", "COPY", "ENV", "HEALTHCHECK", "CMD", "USER"}


def test_compose() -> None:
    path = EXAMPLES / "compose/compose.yaml"
    assert not checkers.complaints("check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path))
    service = checkers.load(path)["services"]["web"]
    assert service["stop_grace_period"] == service["environment"]["SYSTEMCTL_STOP_TIMEOUT"]
    assert (path.parent / service["build"]["context"] / service["build"]["dockerfile"]).exists()


def test_molecule() -> None:
    scenario = EXAMPLES / "molecule/molecule/default"
    schema = checkers.directory() / "molecule/data/molecule.json"
    assert not checkers.complaints("check_jsonschema", "--schemafile", str(schema), str(scenario / "molecule.yml"))
    assert checkers.load(scenario / "converge.yml")[0]["tasks"]


@pytest.mark.parametrize("path", MANIFESTS, ids=name_of)
def test_manifests(path: Path) -> None:
    assert not checkers.complaints("kubernetes_validate", "--strict", str(path))
    pod = checkers.load(path)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (before_stop,) = [int(word) for word in container["lifecycle"]["preStop"]["exec"]["command"] if word.isdigit()]
    (told,) = [int(variable["value"]) for variable in container["env"]]
    assert before_stop + told == pod["terminationGracePeriodSeconds"]


def as_podman_says_it(machine: Box, name: str, pod: dict[str, Any]) -> list[str]:
    """What a manifest asks for, in podman's options."""
    (container,) = pod["containers"]
    security = container["securityContext"]
    options = [f"--cap-drop={capability}" for capability in security["capabilities"]["drop"]]
    options += [f"--cap-add={capability}" for capability in security["capabilities"].get("add", [])]
    options += [f"--env={variable['name']}={variable['value']}" for variable in container["env"]]
    for mount in container["volumeMounts"]:
        # An emptyDir is a directory of the host that everybody may write to. It hides what the image has there.
        volume = f"/run/volumes/{name}/{mount['name']}"
        machine.run(["mkdir", "-p", "-m", "0777", volume], check=True)
        options.append(f"--volume={volume}:{mount['mountPath']}")
    assert security["allowPrivilegeEscalation"] is False
    options += ["--security-opt=no-new-privileges", "--env=KUBERNETES_SERVICE_HOST=10.0.0.1"]
    return options + ["--read-only"] * security.get("readOnlyRootFilesystem", False)


def test_images_run(machine: Box) -> None:
    """The image by itself with its health check, and as the manifests for Kubernetes and OpenShift say."""
    built = images()
    health = f"--health-cmd={' '.join(built['web'].healthcheck)}"
    pods = {path: checkers.load(path)["spec"]["template"]["spec"] for path in MANIFESTS}
    kubernetes, openshift = (as_podman_says_it(machine, name_of(path), pods[path]) for path in MANIFESTS)
    init = built["web"].command
    web = Podman(machine, "web-alone", init, image="/images/web", options=[health])
    pod = Podman(machine, "web-kubernetes", init, image="/images/web", options=kubernetes)
    user = ["--user", OPENSHIFT_USER, *(f"--env={pair}" for pair in built["web-openshift"].environment)]
    arbitrary = Podman(machine, "web-openshift", init, image="/images/web-openshift", options=[*openshift, *user])
    everywhere = (web, pod, arbitrary)
    together(lambda container: container.start(), everywhere)
    assert together(lambda container: container.wait_booted(), everywhere) == ["running"] * 3
    assert [answers(web, 80), answers(pod, 80), answers(arbitrary, 8080)] == ["200PONG\n"] * 3
    web.podman("healthcheck", "run", web.name)
    for container, path in ((pod, MANIFESTS[0]), (arbitrary, MANIFESTS[1])):
        (of_pod,) = pods[path]["containers"]
        for probe in ("startupProbe", "livenessProbe"):
            assert container.podman("exec", container.name, *of_pod[probe]["exec"]["command"]).stdout == ""
    together(lambda container: container.podman("stop", container.name), everywhere)
    assert together(lambda container: container.wait(), everywhere) == [0] * 3
    assert not re.search("(?i)sigkill|killing|killed", web.logs + pod.logs + arbitrary.logs)


# The keys of [Container] that the example uses, and what podman-systemd.unit(5) makes of them: options of `podman run`.
QUADLET = {
    "ContainerName": "--name={}",
    "Environment": "--env={}",
    "Notify": "--sdnotify=container",
    "StopTimeout": "--stop-timeout={}",
}
# Not here: the image is a root file system, and the machine has no network.
ELSEWHERE = {"Image", "PublishPort"}


def generated(path: Path, root: str) -> str:
    """The unit that Quadlet generates, as far as we use it. (Debian 12's podman is older.)"""
    parser = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(path.read_text(encoding="utf-8"))
    keys = parser["Container"]
    assert set(keys) <= QUADLET.keys() | ELSEWHERE
    options = [QUADLET[key].format(value) for key, value in keys.items() if key not in ELSEWHERE]
    command = ["/usr/bin/podman", "run", "--replace", "--rm", "--detach", *options, "--rootfs", root, *INIT]
    service = {
        **parser["Service"],
        "Type": "notify",
        "NotifyAccess": "all",
        "ExecStart": " ".join(command),
        "ExecStop": f"/usr/bin/podman rm --force {keys['ContainerName']}",
    }
    lines = "\n".join(f"{key}={value}" for key, value in service.items())
    return f"[Unit]\nDescription={parser['Unit']['Description']}\n[Service]\n{lines}\n"


def test_quadlet(machine: Box) -> None:
    """Under the machine's systemd: the unit is active when the services in the container are."""
    container = Podman(machine, "web", image="/images/web")
    machine.write("/run/systemd/system/web.service", generated(EXAMPLES / "podman/web.container", container.root))
    machine.run("systemctl daemon-reload && systemctl start web", check=True, timeout=60)
    assert container.run("systemctl is-system-running").stdout == "running\n"
    assert answers(container, 80) == "200PONG\n"
    machine.run("systemctl stop web", check=True, timeout=60)
    assert machine.run("systemctl show -P Result web").stdout == "success\n"
    assert "Stopped redis-server.service" in container.read("/var/log/systemctl-replacement/manager.journal.jsonl")
