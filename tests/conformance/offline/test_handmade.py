"""What packages, administrators and their tools really do, under the real systemctl and under ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.offline.runner import Tree, real_version, run_ours, run_real

pytestmark = pytest.mark.skipif(real_version() != 252, reason="the oracle, systemctl 252, is not installed")

USR = "/usr/lib/systemd/system"
ETC = "/etc/systemd/system"
NGINX = "[Unit]\nDescription=nginx\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
TARGET = "[Unit]\nDescription=target\n"

SERVER = Tree(
    files=(
        (f"{USR}/nginx.service", NGINX),
        (f"{USR}/redis-server.service", NGINX + "Alias=redis.service\n"),
        (f"{USR}/redis-server@.service", NGINX),
        (f"{USR}/getty@.service", "[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n"),
        (f"{USR}/static.service", "[Service]\nExecStart=/bin/true\n"),
        (f"{USR}/ssh.socket", "[Install]\nWantedBy=sockets.target\n"),
        (f"{USR}/ssh.service", "[Install]\nWantedBy=multi-user.target\nAlias=sshd.service\nAlso=ssh.socket\n"),
        (f"{USR}/apt-daily.timer", "[Install]\nWantedBy=timers.target\n"),
        (f"{USR}/late.mount", "[Install]\nWantedBy=multi-user.target\nAlias=other.mount\n"),
        (f"{USR}/multi-user.target", TARGET),
        (f"{USR}/graphical.target", TARGET),
        (f"{USR}/sockets.target", TARGET),
        (f"{USR}/timers.target", TARGET),
        ("/opt/site.service", NGINX),
    ),
    links=((f"{USR}/default.target", "graphical.target"), (f"{USR}/runlevel3.target", "multi-user.target")),
    directories=(ETC,),
)
# Debian 12: /lib is a link, and links to units say /lib.
DEBIAN = Tree(
    files=(*SERVER.files, ("/etc/debian_version", "12.5\n")),
    links=(("/lib", "usr/lib"), *SERVER.links),
    directories=(ETC,),
)
# What deb-systemd-helper leaves: links it made itself, with absolute targets.
HELPER = Tree(
    files=DEBIAN.files,
    links=(*DEBIAN.links, (f"{ETC}/multi-user.target.wants/nginx.service", "/lib/systemd/system/nginx.service")),
)
OVERRIDDEN = Tree(
    files=(
        *SERVER.files,
        (f"{ETC}/nginx.service", NGINX + "RequiredBy=graphical.target\n"),
        (f"{ETC}/nginx.service.d/10.conf", "[Install]\nWantedBy=\nWantedBy=timers.target\n"),
        (f"{ETC}/redis-server.service.d/override.conf", "[Service]\nRestart=always\n"),
        ("/run/systemd/system/ssh.socket", ""),
    ),
    links=SERVER.links,
)
TRANSIENT = "/run/systemd/transient/default.target"
TRANSIENT_DEFAULT = Tree(SERVER.files, (*SERVER.links, (TRANSIENT, f"{USR}/graphical.target")))
PRESETS = Tree(
    files=(
        *SERVER.files,
        ("/usr/lib/systemd/system-preset/90-default.preset", "disable ssh.*\nenable getty@.service tty1 tty2\n"),
        ("/usr/lib/systemd/system-preset/99-default-disable.preset", "disable *\n"),
        ("/etc/systemd/system-preset/50-site.preset", "enable nginx.service\nenable redis*\n"),
    ),
    links=(*SERVER.links, (f"{ETC}/multi-user.target.wants/ssh.service", f"{USR}/ssh.service")),
    directories=(ETC,),
)
USER = Tree(
    files=(
        ("/usr/lib/systemd/user/agent.service", "[Install]\nWantedBy=default.target\n"),
        ("/usr/share/systemd/user/other.service", "[Install]\nWantedBy=default.target\n"),
        ("/usr/lib/systemd/user-preset/1.preset", "disable *\n"),
    ),
)
TWO = "DefaultInstance=two\n"
DEFAULT_INSTANCES = Tree(
    files=(
        (f"{ETC}/t@.timer", "[Install]\nWantedBy=x@%i.target %p-%i.target x.target\nRequiredBy=r@%j.target\n" + TWO),
        (f"{ETC}/names@.timer", "[Install]\nWantedBy=%n.target %N.target\n" + TWO),
        (f"{ETC}/alias@.timer", "[Install]\nAlias=al@.timer b@%i.timer\n" + TWO),
        (f"{ETC}/also@.timer", "[Install]\nDefaultInstance=two\nAlso=a-%i.timer o@%i.timer\nWantedBy=x.target\n"),
        (f"{ETC}/early@.timer", "[Install]\nAlso=a-%i.timer\nDefaultInstance=two\nWantedBy=x.target\n"),
        (f"{ETC}/a-two.timer", "[Install]\nWantedBy=z-%i.target\n"),
        (f"{ETC}/a-.timer", "[Install]\nWantedBy=z-%i.target\n"),
        (f"{ETC}/o@.timer", "[Install]\nWantedBy=y-%i.target\nDefaultInstance=o%p\n"),
        (f"{ETC}/none@.timer", "[Install]\nWantedBy=x@%i.target plain.target\n"),
        (f"{ETC}/bad@.timer", "[Install]\nWantedBy=x@%i.target\nDefaultInstance=a/b\n"),
        (f"{ETC}/empty@.timer", "[Install]\nWantedBy=x-%i.target\nDefaultInstance=a\nDefaultInstance=\n"),
        (f"{ETC}/twice@.timer", "[Install]\nWantedBy=x-%i.target\nDefaultInstance=a\nDefaultInstance=%ib\n"),
        (f"{ETC}/plain.timer", "[Install]\nWantedBy=x-%i.target\nDefaultInstance=a\n"),
    ),
)  # fmt: skip
_OF_TEMPLATES = (
    "enable {}", "is-enabled {}", "is-enabled --full {}", "list-unit-files {}", "disable {}", "is-enabled {}",
    "preset {}", "is-enabled {}", "disable {}", "--runtime enable {}", "is-enabled {}", "--runtime disable {}",
)  # fmt: skip

CASES = [
    *(
        (f"DefaultInstance=: {name}", DEFAULT_INSTANCES, [line.format(name) for line in _OF_TEMPLATES])
        for name in (
            "t@.timer", "names@.timer", "alias@.timer", "also@.timer", "early@.timer", "o@.timer", "none@.timer",
            "bad@.timer", "empty@.timer", "twice@.timer", "plain.timer", "t@one.timer", "alias@one.timer",
        )
    ),
    ("reenabling a template", DEFAULT_INSTANCES, ["reenable t@.timer", "is-enabled t@two.timer", "reenable o@.timer"]),
    ("presets of templates", DEFAULT_INSTANCES, ["preset-all", "list-unit-files"]),
    ("enable and disable", SERVER, [
        "enable nginx",
        "is-enabled nginx",
        "enable nginx",
        "disable nginx",
        "disable nginx",
    ]),
    ("debian's paths", DEBIAN, ["enable nginx redis-server", "list-unit-files", "disable redis"]),
    ("after deb-systemd-helper", HELPER, [
        "is-enabled nginx",
        "enable nginx",
        "preset nginx",
        "disable nginx",
    ]),
    ("aliases and Also=", SERVER, [
        "enable ssh",
        "is-enabled ssh sshd ssh.socket",
        "disable sshd",
        "is-enabled ssh",
    ]),
    ("unknown units", SERVER, [
        "enable x",
        "disable x",
        "reenable x",
        "preset x",
        "is-enabled x",
        "is-enabled nginx x",
    ]),
    ("unknown to mask", SERVER, [
        "mask x y.timer",
        "is-enabled x",
        "unmask x y.timer",
        "unmask x",
        "revert x",
        "link /x.service",
    ]),
    ("no [Install]", SERVER, [
        "enable static",
        "-q enable static",
        "reenable static",
        "disable static",
        "preset static",
    ]),
    ("templates", SERVER, [
        "enable redis-server@",
        "enable redis-server@a redis-server@b",
        "list-unit-files redis*",
    ]),
    ("default instance", SERVER, [
        "enable getty@",
        "is-enabled getty@ getty@tty1 getty@tty2",
        "disable getty@.service",
    ]),
    ("masks", SERVER, [
        "mask nginx",
        "enable nginx",
        "is-enabled nginx",
        "disable nginx",
        "unmask nginx",
        "enable nginx",
    ]),
    ("volatile masks", SERVER, [
        "--runtime mask nginx",
        "is-enabled nginx",
        "unmask nginx",
        "--runtime unmask nginx",
    ]),
    ("mask of a file in /etc", OVERRIDDEN, [
        "mask nginx",
        "-f mask nginx",
        "unmask nginx",
        "is-enabled ssh.socket",
    ]),
    ("overrides", OVERRIDDEN, [
        "enable nginx",
        "revert nginx redis-server",
        "reenable nginx",
        "disable nginx",
    ]),
    ("volatile", SERVER, [
        "--runtime enable nginx",
        "is-enabled nginx",
        "disable nginx",
        "--runtime disable nginx",
    ]),
    ("links", SERVER, [
        "link /opt/site.service",
        "is-enabled site",
        "enable site",
        "disable site",
        "enable /opt/site.service",
    ]),
    ("links below a root", SERVER, [
        "link site.service",
        "link opt/site.service",
        "--force link /opt/site.service",
    ]),
    ("default target", SERVER, [
        "get-default",
        "set-default multi-user",
        "get-default",
        "set-default runlevel3.target",
    ]),
    ("bad default targets", SERVER, [
        "set-default nginx.service",
        "set-default x",
        "set-default default.target",
    ]),
    ("default target that is overridden", TRANSIENT_DEFAULT, [
        "set-default multi-user",
        "set-default x",
        "-q set-default multi-user",
    ]),
    ("default target that is overridden by nonsense", Tree(SERVER.files, ((TRANSIENT, f"{USR}/ssh.service"),)), [
        "set-default multi-user",
        "set-default x",
        "-q set-default multi-user",
    ]),
    ("added dependencies", SERVER, [
        "add-wants multi-user static",
        "add-requires timers.target nginx x",
        "is-enabled static",
    ]),
    ("presets", PRESETS, [
        "preset nginx ssh getty@",
        "is-enabled nginx ssh",
        "preset-all",
        "list-unit-files",
    ]),
    ("preset modes", PRESETS, [
        "--preset-mode=disable-only preset-all",
        "--preset-mode=enable-only preset-all",
    ]),
    ("preset mode unknown", PRESETS, ["--preset-mode=x preset nginx"]),
    ("names to escape", SERVER, [
        "mask a%b",
        "mask a@b@c",
        "enable n*",
        "disable *.service",
        "add-wants x* n*",
    ]),
    ("paths as names", SERVER, [
        "disable /usr/lib/nginx.service",
        "enable /nginx.service",
        "mask /dev/sda",
        "unmask ../x",
    ]),
    ("bad names", SERVER, [
        "disable /x",
        "revert /x/y.service",
        "mask /tmp/x.service",
        "is-enabled /opt/site.service",
    ]),
    ("listing", SERVER, [
        "list-unit-files",
        "list-unit-files *.target",
        "list-unit-files x*",
        "list-unit-files nginx",
    ]),
    ("listing some", SERVER, [
        "list-unit-files --type=socket,timer",
        "list-unit-files --state=static --no-legend",
    ]),
    ("listing less", SERVER, [
        "-q list-unit-files ssh*",
        "list-unit-files --state=enabled",
        "list-unit-files --plain ssh*",
    ]),
    ("units of users", USER, [
        "--global enable agent other",
        "--global list-unit-files",
        "--global disable agent",
    ]),
    ("presets of users", USER, [
        "--global preset agent other",
        "--global mask agent",
        "--global is-enabled agent other",
    ]),
    ("wrong numbers of arguments", SERVER, [
        "enable",
        "is-enabled",
        "set-default",
        "add-wants x",
        "get-default x",
    ]),
    ("alias of a unit that has none", SERVER, [
        "enable late.mount",
        "preset late.mount",
        "is-enabled late.mount",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("tree", "lines"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_same_as_systemctl(tmp_path: Path, tree: Tree, lines: list[str]) -> None:
    commands = tuple(tuple(line.split()) for line in lines)
    root = tmp_path / "root"
    tree.build(root)
    expected = run_real(root, commands)
    tree.build(root)
    ours = run_ours(root, commands)
    for command, real_result, our_result in zip(commands, expected, ours):
        assert our_result == real_result, command
