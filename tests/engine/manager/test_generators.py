"""Generators run before units are loaded, at boot and at each reload (systemd.generator(7))."""

from __future__ import annotations

import signal
from typing import Optional

import pytest

from tests.engine.manager.engine import Engine, wait_for

WANTS_A = 'mkdir "$1/b.service.wants"; ln -s @ROOT@/etc/systemd/system/a.service "$1/b.service.wants/"'
UNIT_A = """[Service]
ExecStart=/bin/sleep 1000
"""
UNIT_B = """[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
"""


def prepare(script: str, boot: tuple[str, ...] = ("b.service",), name: str = "gen") -> Engine:
    engine = Engine({"a.service": UNIT_A, "b.service": UNIT_B}, boot=boot)
    generator(engine, name, script)
    return engine


def generator(engine: Engine, name: str, script: Optional[str], directory: str = "usr/lib/systemd") -> None:
    path = engine.root / directory / "system-generators" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("" if script is None else "#!/bin/sh\n" + script.replace("@ROOT@", str(engine.root)) + "\n")
    path.chmod(0o755)


def test_what_a_generator_wants_is_started_at_boot() -> None:
    with prepare(WANTS_A) as engine:
        engine.wait_sub("a.service", "running")


def test_a_reload_forgets_what_was_generated_before() -> None:
    with prepare('printf "[Service]\\nExecStart=/bin/true\\n" > "$3/made.service"') as engine:
        late = engine.root / "run/systemd/generator.late"
        assert (late / "made.service").exists()
        assert not late.with_name("generator").exists()  # nothing was put into it
        generator(engine, "gen", None, "etc/systemd")  # a mask
        engine.call("Reload")
        assert not late.exists()


def test_the_answer_to_a_reload_comes_after_the_generators() -> None:
    with prepare("true") as engine:
        generator(
            engine,
            "gen",
            'sleep 0.3; mkdir "$2/b.service.d"; printf "[Unit]\\nDescription=early\\n" > "$2/b.service.d/x.conf"',
        )
        engine.call("Reload")
        assert (engine.root / "run/systemd/generator.early/b.service.d/x.conf").exists()


def test_generators_that_fail_are_told_and_keep_nothing_back() -> None:
    with prepare(WANTS_A) as engine:
        generator(engine, "bad", "echo complaint >&2; exit 3")
        generator(engine, "worse", "kill -SEGV $$")
        (engine.root / "usr/lib/systemd/system-generators/none").write_text("#!/does/not/exist\n")
        (engine.root / "usr/lib/systemd/system-generators/none").chmod(0o755)
        engine.call("Reload")
        for text in ("complaint", "bad failed with exit status 3.", "worse terminated by signal SEGV.", "none failed"):
            wait_for(lambda text=text: text in engine.text(), text)  # type: ignore[misc]
        assert (engine.root / "run/systemd/generator/b.service.wants/a.service").is_symlink()


def test_a_halt_does_not_wait_for_generators() -> None:
    with prepare("true") as engine:
        generator(engine, "gen", "echo $$ > @ROOT@/pid; exec sleep 1000")
        assert engine.process is not None
        engine.process.send_signal(signal.SIGHUP)
        wait_for((engine.root / "pid").exists, "the generator")
        engine.process.send_signal(signal.SIGTERM)
        assert engine.process.wait(20) == 0


@pytest.mark.parametrize("twice", [1, 2])
def test_who_asks_during_a_run_gets_a_run_of_its_own(twice: int) -> None:
    with prepare("echo run >> @ROOT@/runs; sleep 0.2") as engine:
        assert engine.process is not None
        before = (engine.root / "runs").read_text().count("run")
        for _ in range(twice):
            runs = (engine.root / "runs").stat().st_size
            engine.process.send_signal(signal.SIGHUP)
            wait_for(lambda runs=runs: (engine.root / "runs").stat().st_size > runs, "the run")  # type: ignore[misc]
        engine.call("Reload")
        assert (engine.root / "runs").read_text().count("run") == before + twice + 1


def test_on_demand_the_first_request_finds_what_was_generated() -> None:
    with prepare(
        'sleep 0.3; printf "[Service]\\nExecStart=/bin/sleep 1000\\n" > "$1/made.service"', ("--on-demand",)
    ) as e:
        assert e.run("start", "made.service") == "done"
        assert e.sub("made.service") == "running"


def test_on_demand_the_manager_does_not_leave_before_it_could_be_asked() -> None:
    impatient = "from systemctl_replacement.manager import life\nlife.LINGER_USEC = 100_000\n"
    engine = Engine({"b.service": UNIT_B}, boot=("--on-demand",), change=impatient)
    generator(engine, "gen", "sleep 0.5")
    with engine:
        assert engine.run("start", "b.service") == "done"
