"""Show, which imports its tables late, when no descriptor is left; and of the manager only what is asked for."""

from __future__ import annotations

from tests.engine.manager.engine import Engine

FILL = """
import os
from systemctl_replacement.manager.methods import Methods
kept = []
def fill(self, request):
    try:
        while True:
            kept.append(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        request.reply(environment=[])
Methods.get_environment = fill
"""


def test_the_first_show_without_descriptors() -> None:
    unit = "[Service]\nExecStart=/bin/sleep 1000\n"
    with Engine({"x.service": unit}, boot=("x.service",), descriptors=100, change=FILL) as e:
        e.call("GetEnvironment")
        shown = e.call("Show", names=["x.service"], properties=["Id", "ActiveState"], kinds=True)["units"][0]
        assert shown["properties"]["Id"] == "x.service"
        assert set(shown["kinds"]) == {"Id", "ActiveState"}
        assert "Internal error" not in e.text()


def test_of_the_manager_only_what_is_asked_for() -> None:
    with Engine(boot=("basic.target",)) as e:
        shown = e.call("Show", names=[], properties=["Version", "NNames"], kinds=True)["units"][0]
        assert set(shown["properties"]) == set(shown["kinds"]) == {"Version", "NNames"}
        assert len(e.call("Show", names=[])["units"][0]["properties"]) > 50
