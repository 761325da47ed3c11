"""The supervisor of what a timer or a path has started is killed, in each of its states: neither notices more than the
end of its service, and both start it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.manager.engine import Engine, wait_for

BY = {
    "timer": "[Unit]\nDefaultDependencies=no\n[Timer]\nOnActiveSec=50ms\nOnUnitInactiveSec=50ms\nAccuracySec=1us\n",
    "path": "[Unit]\nDefaultDependencies=no\n[Path]\nPathExists=/wanted\n",
}
HOLD = "/bin/sh -c 'while ! test -e @ROOT@/go; do sleep 0.02; done'"
# Sub-state of the service -> how it stays there.
STATES = {
    "start-pre": f"Type=oneshot\nExecStartPre={HOLD}\nExecStart=/bin/sh -c 'echo run >> @ROOT@/notes'\n",
    "start": f"Type=oneshot\nExecStart={HOLD}\nExecStart=/bin/sh -c 'echo run >> @ROOT@/notes'\n",
    "running": f"ExecStart={HOLD}\nExecStopPost=/bin/sh -c 'echo run >> @ROOT@/notes'\n",
}


def runs(engine: Engine) -> int:
    return len(engine.notes.read_text().splitlines()) if engine.notes.exists() else 0


@pytest.mark.parametrize("sub", STATES)
@pytest.mark.parametrize("kind", BY)
def test_it_is_started_again(kind: str, sub: str) -> None:
    unlimited = "[Unit]\nStartLimitIntervalSec=0\n"
    with Engine({f"x.{kind}": BY[kind], "x.service": f"{unlimited}[Service]\n{STATES[sub]}"}) as e:
        wanted: Path = e.root / "wanted"
        wanted.touch()
        assert e.run("start", f"x.{kind}") == "done"
        e.wait_sub("x.service", sub)
        e.wait_sub(f"x.{kind}", "running")
        e.titled("supervisor: x.service").kill()
        wait_for(lambda: e.call("Processes", name="x.service")["degraded"], "the death to be noticed")
        assert e.sub(f"x.{kind}") == "running"
        (e.root / "go").touch()
        wait_for(lambda: runs(e) >= 2, "another start")
        assert e.sub(f"x.{kind}") in ("running", "waiting")
        wanted.unlink()
        assert e.run("stop", f"x.{kind}") == "done"
