"""Properties of drawn unit files: `systemctl show` of real systemd and of ours, with many units in one boot of each.

SYSTEMCTL_EXAMPLES=N draws N units instead of a few, SYSTEMCTL_SEED=N others.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

from tests.box.harness import SYSTEMD_PACKAGES, Box
from tests.conformance.drawn import Drawer
from tests.conformance.normalise import normalise

EXAMPLES = int(os.environ.get("SYSTEMCTL_EXAMPLES", "150"))
SEED = int(os.environ.get("SYSTEMCTL_SEED", "252"))

pytestmark = pytest.mark.box

Shown = dict[str, dict[str, str]]

# They describe the box, or differ on purpose (docs/differences.md).
IGNORED = frozenset(("ControlGroupId", "SystemCallFilter", "SystemCallLog", "CPUAffinityFromNUMA"))
# Sets that systemd shows in random order.
SETS = frozenset(("IPAddressAllow", "IPAddressDeny", "RestrictNetworkInterfaces"))


def shown(units: Mapping[str, str], *, systemd: bool) -> Shown:
    """The properties of each unit, by name. A property of several lines has them all."""
    files = {f"/etc/systemd/system/{_file(name)}": text for name, text in units.items()}
    with Box(systemd=systemd, packages=SYSTEMD_PACKAGES, files=files) as box:
        box.wait_booted()
        output = box.run(["systemctl", "show", "--all", "--", *units], timeout=300).stdout
    found: Shown = {}
    for name, block in zip(units, output.split("\n\n")):
        properties: dict[str, str] = {}
        for line in normalise(block).splitlines():
            key, _, value = line.partition("=")
            properties[key] = f"{properties[key]}\n{value}" if key in properties else value
        assert properties["Id"] == name
        found[name] = properties
    return found


def _file(name: str) -> str:
    prefix, at, rest = name.partition("@")
    return f"{prefix}@.{rest.rpartition('.')[2]}" if at else name


def _comparable(name: str, text: str, properties: dict[str, str]) -> dict[str, str]:
    """The properties that must be the same. Wrong units that cannot be started yet may load differently."""
    kind = name.rpartition(".")[2]
    not_built = kind not in ("service", "target", "slice")
    if not_built and properties["LoadState"] == "bad-setting":
        return {"LoadState": "bad-setting"}
    left_out = {"CanStart", "CanStop"} if not_built else set()
    if "BusName=" in text:
        left_out |= {"Requires", "Wants"}
    if "\\n" in text or "\\x0a" in text:  # of which systemd makes two lines
        left_out |= {key for key in properties if key.endswith("Symlink") or key == "RootImageOptions"}
    return {
        key: " ".join(sorted(value.split())) if key in SETS else value
        for key, value in properties.items()
        if key not in IGNORED and key not in left_out and key[:1].isupper()
    }


def test_drawn_units_are_shown_as_systemd_shows_them() -> None:
    units = dict(Drawer(SEED).units(EXAMPLES))
    expected = shown(units, systemd=True)
    ours = shown(units, systemd=False)
    different = []
    for name, text in units.items():
        theirs, mine = (_comparable(name, text, side[name]) for side in (expected, ours))
        for key in dict.fromkeys((*theirs, *mine)):
            if theirs.get(key) != mine.get(key):
                different.append((key, name, text, theirs.get(key), mine.get(key)))
    for key, name, text, real, here in different:
        print(f"--- {name}: {key}\nsystemd: {real}\nours:    {here}\n{text}")
    assert not different
    # A test with too few good units shows nothing.
    loaded = [name for name in units if expected[name]["LoadState"] == "loaded"]
    assert len(loaded) > len(units) * 2 / 3
