"""Units made from init scripts, compared with systemd-sysv-generator(8), for scripts by hand and drawn ones."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from systemctl_replacement.manager.generators import init_script_units

GENERATOR = "/usr/lib/systemd/system-generators/systemd-sysv-generator"
pytestmark = pytest.mark.skipif(not os.access(GENERATOR, os.X_OK), reason=f"needs {GENERATOR} (package systemd)")

HEADER = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          {provides}
# Required-Start:    $remote_fs $network $syslog $local_fs svc full
# Required-Stop:     $remote_fs
# Should-Start:      $time $portmap $all nslcd.sh
# X-Start-Before:    cron $named
# X-Start-After:     foo
# X-Interactive:     true
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: only 100% a "script"
# Description:       Something that has no unit file of its own.
#                    and more
#  and even more
### END INIT INFO
case "$1" in
*) echo "Usage: $0 {{start|stop|reload|status}}" ;;
esac
"""
SCRIPTS = {
    "full": HEADER.format(provides="full other $mail-transport-agent $network $named full.sh x.target"),
    "long": "### BEGIN INIT INFO\n# Provides: long\n# Required-Start:\n# Description: Something that\n#\tgoes on\n"
    "# Default-Start: 2\n### END INIT INFO\n# pidfile: run/relative\necho usage: {start|force-reload}\n",
    "red": "#!/bin/sh\n# chkconfig: 2345 90 10\n# description: a daemon that \\\n#      goes on \\\n#   and on\n"
    '# pidfile: /var/run/100%red.pid\necho $"Usage: $0 {start|stop|reload}"\n',
    "both": "### BEGIN INIT INFO\n# provides: both\n# description: long\n# no continuation\n### END INIT INFO\n"
    "# description: Red Hat's\n",
    "usage": "echo Usage: start \\\n   {stop|reload}\necho later {reload|x}\n",
    "no-usage": "echo {stop|reload}\nUSAGE='a|reload'\n",
    "bare": "exit 0\n",
    "dotted.sh": "### BEGIN INIT INFO\n# Provides: dotted\n# Required-Start: $network dotted.sh\n"
    "# Should-Start: dotted\n### END INIT INFO\n",
    "network": "### BEGIN INIT INFO\n# Provides: $network\n# Should-Start: \"quoted name\" 'x y'\n### END INIT INFO\n",
    "unended": "### BEGIN INIT INFO\n# Provides: unended\n# Short-Description: a\ncode\n# Description: b\n",
    "native": "exit 0\n",
    "masked": "exit 0\n",
    "left.dpkg-old": "exit 0\n",
    "left~": "exit 0\n",
    ".hidden": "exit 0\n",
}
LINKS = (
    "rc2.d/S05full", "rc3.d/S02full", "rc5.d/S03full", "rc1.d/S01bare", "rc2.d/S20bare", "rc3.d/S20red", "rc5.d/S90red",
    "rcS.d/S04long", "rc0.d/K01full", "rc6.d/K01full", "rc3.d/K02long", "rc4.d/S01dotted.sh", "rc2.d/S01missing",
    "rc2.d/Sxxlong", "rc3.d/S1long", "rc2.d/S11network", "rc2.d/S11native",
)  # fmt: skip

LINES = st.sampled_from(
    [
        "### BEGIN INIT INFO", "### END INIT INFO", "# Provides: b c", "# Provides:\t$x-y a b.service", "#Provides:d",
        "# Required-Start: $network b", "# Should-Start:  $named $local_fs $nothing a.sh", "# X-Start-Before: $time c",
        "# x-start-after: e", "# Required-Stop: z", "# Short-Description: short", "# Short-Description:",
        "# Description: long", "#  more", "#\tmore still", "# not more", "#", "", "# description: told \\",
        "# description: told", "#   goes on \\", "# pidfile: /run/a.pid", "# pidfile: a.pid", "# chkconfig: - 90 10",
        "echo Usage: {start|reload}", "usage \\", "  |reload\" \\", "code", "### BEGIN INIT INFO ", " # Provides: f",
        "# Description: 50% é", "# Default-Start: 2 3",
    ]
)  # fmt: skip
NAMES = ("a", "b", "c.sh")


def lay_down(place: Path, scripts: Mapping[str, str], links: Sequence[str]) -> None:
    for directory in ("init.d", "units", *(f"rc{level}.d" for level in "0123456S"), *"nel"):
        (place / directory).mkdir()
    (place / "units/native.service").touch()
    (place / "units/masked.service").symlink_to("/dev/null")
    for name, text in scripts.items():
        (place / "init.d" / name).write_text(text)
        (place / "init.d" / name).chmod(0o755)
    (place / "init.d/not-executable").write_text("exit 0\n")
    for link in links:
        (place / link).symlink_to(f"../init.d/{link[9:]}")


def theirs(place: Path) -> dict[str, object]:
    environment = {
        "SYSTEMD_SYSVINIT_PATH": f"{place}/init.d",
        "SYSTEMD_SYSVRCND_PATH": str(place),
        "SYSTEMD_UNIT_PATH": f"{place}/units",
        "SYSTEMD_LOG_TARGET": "console",
    }
    arguments = [f"{place}/{directory}" for directory in "nel"]
    subprocess.run(
        [GENERATOR, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return made(place / "l")


def ours(place: Path) -> dict[str, object]:
    init_script_units.generate(f"{place}/init.d", str(place), [f"{place}/units"], f"{place}/e")
    return made(place / "e")


def made(top: Path) -> dict[str, object]:
    """Everything below a directory: links with their targets, unit files as sections of lines without an order that
    means nothing."""
    found: dict[str, object] = {}
    for path in sorted(top.rglob("*")):
        name = str(path.relative_to(top))
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file():
            lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
            found[name] = sorted({line for line in lines if line})
    return found


def chance_aside(found: Mapping[str, object]) -> dict[str, object]:
    """If several scripts provide the same, systemd picks one at random."""
    return {name: "alias" if "/" not in name and isinstance(made, str) else made for name, made in found.items()}


def test_handmade(tmp_path: Path) -> None:
    lay_down(tmp_path, SCRIPTS, LINKS)
    expected = theirs(tmp_path)
    assert ours(tmp_path) == expected
    assert {"full.service", "other.service", "dotted.service", "multi-user.target.wants/red.service"} <= expected.keys()
    assert not {"native.service", "masked.service", "left.service", "not-executable.service"} & expected.keys()


@settings(
    max_examples=int(os.environ.get("SYSTEMCTL_EXAMPLES", "60")), deadline=None, suppress_health_check=list(HealthCheck)
)
@given(
    st.lists(st.lists(LINES, max_size=9), min_size=3, max_size=3),
    st.sets(st.builds("rc{}.d/S{:02}{}".format, st.sampled_from("012345S"), st.integers(0, 3), st.sampled_from(NAMES))),
)
def test_drawn(texts: list[list[str]], links: set[str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        lay_down(place, {name: "\n".join(lines) for name, lines in zip(NAMES, texts)}, sorted(links))
        expected = chance_aside(theirs(place))
        assert chance_aside(ours(place)) == expected
