"""The record of what a process is given, as it travels to the supervisor."""

from __future__ import annotations

from typing import Any

import pytest

from systemctl_replacement import wire
from systemctl_replacement.process import exec_spec, record_codec
from systemctl_replacement.process.exec_spec import (
    Capability,
    Directories,
    Directory,
    Environment,
    EnvironmentFile,
    ExecSpec,
    FieldError,
    Identity,
    Launch,
    LeftoverFiles,
    Limit,
    OpenFile,
    Sandbox,
    Scheduling,
    Stream,
    Streams,
    decode,
    encode,
)
from systemctl_replacement.records import dataclass, fields, is_dataclass

FULL = ExecSpec(
    launch=Launch("/bin/x", role="main", environment_files=(EnvironmentFile("/e", missing_ok=True),)),
    argv=("x", "\udcff"),
    environment=Environment(("A=b",), ("C",), ("PID",)),
    streams=Streams(Stream("data"), Stream("append", "/log"), Stream("fd", position=2), b"\0\xff"),
    identity=Identity("u", "g", ("s",), only_looked_up=True),
    scheduling=Scheduling(nice=0, timer_slack=5),
    sandbox=Sandbox(capability_bounding=2**64 - 2, ambient_capabilities=(Capability("CAP_KILL", 5),)),
    limits=(Limit("NOFILE", -1, 2**63),),
    directories=(Directories("StateDirectory", "/var/lib", (Directory("a", ("b",)),), 0o700, private=True),),
    umask=0,
    passed=("",),
    open_files=(OpenFile("/o", "n", ("append",)),),
    leftovers=LeftoverFiles(1, ("d",), "/run/p"),
)


def read(value: Any) -> ExecSpec:
    return decode({"spec": wire.dumps(value).decode()})


@pytest.mark.parametrize("spec", [ExecSpec(Launch("/bin/x"), ()), FULL])
def test_a_spec_survives_the_journey(spec: ExecSpec) -> None:
    assert decode(wire.loads(wire.dumps(encode(spec)))) == spec


def test_what_has_its_default_is_not_sent() -> None:
    message = encode(ExecSpec(Launch("/bin/x"), ("x",), scheduling=Scheduling(nice=0)))
    assert wire.loads(message["spec"]) == {
        "launch": {"path": "/bin/x"},
        "argv": ["x"],
        "scheduling": {"nice": 0},
    }


def test_what_the_supervisor_heeds_is_sent_as_plain_values() -> None:
    assert encode(FULL)["launch"] == {
        "path": "/bin/x",
        "identifier": "x",
        "role": "main",
        "starts_service": False,
        "environment_files": [["/e", True]],
        "kept_users": (),
        "passed": 1,
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nice": 5}, "spec.nice is unknown"),
        ({"sandbox": {"seccomp": ["x"]}}, "spec.sandbox.seccomp is unknown"),
        ({"argv": "x"}, "spec.argv is not an array"),
        ({"argv": [1]}, "spec.argv[0] is not a string"),
        ({"umask": True}, "spec.umask is not an integer"),
        ({"umask": "022"}, "spec.umask is not an integer"),
        ({"privileged": 1}, "spec.privileged is not a boolean"),
        ({"scheduling": {"nice": 1.0}}, "spec.scheduling.nice is not an integer"),
        ({"scheduling": []}, "spec.scheduling is not an object"),
        ({"limits": [{"resource": "CPU", "soft": 1}]}, "spec.limits[0].hard is missing"),
        ({"streams": {"stdin_data": 5}}, "spec.streams.stdin_data is not base64"),
        ({"leftovers": {}}, "spec.leftovers.before is missing"),
        ({"launch": {"path": None}}, "spec.launch.path is not a string"),
        ({"launch": {}}, "spec.launch.path is missing"),
    ],
)
def test_what_is_wrong_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FieldError, match="^" + message.replace("[", r"\[").replace(".", r"\.") + "$"):
        read({"launch": {"path": "/bin/x"}, "argv": [], **changes})


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(FieldError, match=r"^spec is not an object$"):
        read([])


@dataclass(frozen=True)
class Loose:
    anything: Any = None


def test_fields_must_have_a_type_that_can_be_checked() -> None:
    with pytest.raises(TypeError):
        record_codec.prepare(Loose)


def test_all_fields_of_all_records_are_described_by_name_once() -> None:
    """A directive's field is found by its name alone, whichever part of the spec it is in."""
    parts = [cls for cls in vars(exec_spec).values() if isinstance(cls, type) and is_dataclass(cls)]
    assert len(parts) > 10
    in_spec = [field.name for field in fields(ExecSpec)]
    nested = [
        field.name for cls in (Launch, Environment, Streams, Identity, Scheduling, Sandbox) for field in fields(cls)
    ]
    assert len({*in_spec, *nested}) == len(in_spec) + len(nested)
