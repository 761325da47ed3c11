"""User= where init is not root and can become nobody else (docs/container.md, "Users and privileges")."""

from __future__ import annotations

from tests.box.harness import Box
from tests.box.test_main_job import enabled, show

SAY = "ExecStart=/bin/sh -c 'echo I am $(id -u):$(id -g) with HOME=$HOME; exec sleep infinity'\n"
FILES = {
    **enabled("own.service", f"[Service]\nType=exec\nUser=1000650000\n{SAY}"),
    **enabled("other.service", f"[Service]\nType=exec\nUser=daemon\nRuntimeDirectory=other\n{SAY}"),
    **enabled("group.service", f"[Service]\nType=exec\nGroup=daemon\n{SAY}"),
    **enabled("missing.service", f"[Service]\nType=exec\nUser=of-no-file\n{SAY}"),
    **enabled("root.service", f"[Service]\nType=exec\nUser=root\n{SAY}"),
    **enabled(
        "dynamic.service",
        f"[Service]\nType=exec\nDynamicUser=yes\nRuntimeDirectory=dynamic\nRuntimeDirectoryPreserve=yes\n{SAY}",
    ),
    **enabled("sock.socket", "[Socket]\nListenFIFO=/tmp/sock\nSocketUser=daemon\nSocketGroup=daemon\n"),
    "/etc/systemd/system/sock.service": "[Service]\nExecStart=/bin/sleep infinity\n",
}
OTHERS = ("other", "group", "missing", "root", "dynamic")


def test_a_service_of_another_user_fails_as_under_systemd() -> None:
    with Box("openshift", files=FILES) as box:
        assert box.wait_booted() == "degraded"
        assert "own.service" not in box.run("systemctl --failed").stdout
        box.wait_said("I am 1000650000:0")
        statuses = {unit: show(box, unit, "Result", "ExecMainStatus") for unit in OTHERS}
        assert statuses == {
            "other": {"Result": "exit-code", "ExecMainStatus": "216"},
            "group": {"Result": "exit-code", "ExecMainStatus": "216"},
            "missing": {"Result": "exit-code", "ExecMainStatus": "217"},
            "root": {"Result": "exit-code", "ExecMainStatus": "217"},
            "dynamic": {"Result": "exit-code", "ExecMainStatus": "216"},
        }
        assert show(box, "sock.socket", "Result") == {"Result": "exit-code"}
        box.wait_said("sock.socket: Failed to chown(): Operation not permitted")
        box.wait_said("other.service: Failed at step GROUP spawning /bin/sh: Operation not permitted")
        box.wait_said("root.service: Failed at step USER spawning /bin/sh: Operation not permitted")


def test_a_service_of_another_user_runs_as_ours_if_so_told() -> None:
    with Box("openshift", files=FILES, environment={"SYSTEMCTL_IGNORE_USER": "yes"}) as box:
        assert box.wait_booted() == "running", box.run("systemctl status --failed").stdout
        box.wait_for(lambda: box.console.count("I am 1000650000:0") == 1 + len(OTHERS))
        assert "I am 1000650000:0 with HOME=/usr/sbin" in box.console, "the home of daemon"
        warning = "Runs as user 1000650000, not as"
        box.wait_for(lambda: box.console.count(warning) == len(OTHERS))
        assert f"other.service: {warning} User= says" in box.console
        assert f"dynamic.service: {warning} DynamicUser= says" in box.console
        assert "Not applied: User=\n" in box.run("systemctl status other").stdout
        assert "Not applied" not in box.run("systemctl status own").stdout
        box.wait_said("sock.socket: Its sockets belong to user 1000650000, not as SocketUser=, SocketGroup= say")
        assert "Not applied: SocketUser=, SocketGroup=\n" in box.run("systemctl status sock.socket").stdout
        assert box.run("stat -c %u:%g /tmp/sock").stdout == "1000650000:0\n"
        assert box.run("stat -c %u /run/other /run/dynamic").stdout == "1000650000\n" * 2


def test_root_is_not_bound() -> None:
    unit = "[Service]\nType=exec\nUser=daemon\nExecStart=/bin/sleep infinity\n"
    with Box(files=enabled("a.service", unit), environment={"SYSTEMCTL_IGNORE_USER": "yes"}) as box:
        box.wait_booted()
        assert box.run("ps -o user= -C sleep").stdout == "daemon\n"
        assert "Runs as" not in box.console
