"""What a unit asks for and does not get is reported; what protects it is applied, or the unit fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Optional

import pytest

from systemctl_replacement.process.collector.account import NAME as COLLECTOR
from systemctl_replacement.process.sandbox.dynamic_user import usual_uid
from tests.box.harness import DOCKER_CAPABILITIES, PROFILES, Box, Profile

SETUID, SETPCAP = 1 << 7, 1 << 8
SAID = "Settings that are not applied here: "
# No test should depend on a clock.
NO_CLOCK = {
    "/etc/default/chrony": "DAEMON_OPTS=-x\n",
    "/etc/systemd/system/chrony.service.d/clock.conf": "[Unit]\nConditionCapability=\n",
}
STATUS = "grep -E '^(Uid|Cap(Prm|Bnd|Amb)|NoNewPrivs)' /proc/self/status"


def kept_users(box: Box) -> set[str]:
    """What is kept of dynamic users but the collector's."""
    uid = usual_uid(COLLECTOR)
    ours = {f"{uid}", f"direct:{uid}", f"direct:{COLLECTOR}"}
    return set(box.list_directory("/run/systemd/dynamic-uid")) - ours


def service(settings: str, command: str = STATUS) -> Mapping[str, str]:
    text = f'[Service]\nType=oneshot\nRemainAfterExit=yes\n{settings}\nExecStart=sh -c "{command}"\n'
    return {"/etc/systemd/system/a.service": text}


def said(box: Box, unit: str) -> list[str]:
    """The settings that were not applied, once for each time they were reported."""
    return [line.partition(SAID)[2] for line in box.console.splitlines() if f" {unit}.service: {SAID}" in line]


def started(box: Box, unit: str = "a") -> dict[str, str]:
    """The fields of /proc/self/status that a unit prints after a start."""
    box.wait_booted()
    box.run(f"systemctl start {unit}", check=True)
    box.wait_for(lambda: "NoNewPrivs" in box.console)
    prefix = "sh["
    lines = [line.partition(": ")[2] for line in box.console.splitlines() if line.startswith(prefix)]
    return {key: value.split()[0] for key, _, value in (line.partition(":") for line in lines) if value.strip()}


@pytest.mark.parametrize(
    ("package", "unit", "first", "files"),
    [
        ("redis-server", "redis-server", "PrivateTmp=", None),
        ("chrony", "chrony", "DeviceAllow=", NO_CLOCK),
        ("tor", "tor@default", "AppArmorProfile=", None),
        ("haveged", "haveged", "PrivateTmp=", None),
    ],
)
def test_packages_run_and_say_once_what_they_lack(
    package: str, unit: str, first: str, files: Optional[Mapping[str, str]]
) -> None:
    with Box(packages=[package], files=files) as box:
        box.wait_for(lambda: box.run(f"systemctl is-active {unit}").returncode == 0, what=f"{unit} is active")
        (names,) = box.wait_for(lambda: said(box, unit))
        assert names.startswith(first) and "PrivateTmp=" in names and "ProtectSystem=" in names
        lines = box.run(f"systemctl status {unit}").stdout.splitlines()
        assert [line for line in lines if line.startswith("Not applied: ")] == [f"Not applied: {names}"]
        box.run(f"systemctl restart {unit}", check=True)
        box.wait_for(lambda: len(said(box, unit)) == 2, what="said again")


def test_nothing_is_said_of_what_is_applied() -> None:
    settings = "User=games\nNoNewPrivileges=yes\nCapabilityBoundingSet=CAP_KILL\nPrivateTmp=no\nTasksMax=infinity"
    with Box(files=service(settings)) as box:
        assert started(box) == {
            "Uid": "5",
            "CapPrm": "0" * 16,
            "CapBnd": f"{1 << 5:016x}",
            "CapAmb": "0" * 16,
            "NoNewPrivs": "1",
        }
        assert not said(box, "a")
        assert "Not applied" not in box.run("systemctl status a").stdout


@pytest.mark.parametrize(
    "profile",
    [Profile(DOCKER_CAPABILITIES & ~SETUID), Profile(0), PROFILES["openshift"]],
    ids=["no-setuid", "nothing", "openshift"],
)
def test_a_dynamic_user_that_cannot_be_had_is_no_root(profile: Profile) -> None:
    with Box(profile, files=service("DynamicUser=yes", "touch /tmp/ran")) as box:
        box.wait_booted()
        assert box.run("systemctl start a").returncode == 1
        assert box.run("systemctl show -P ExecMainStatus a").stdout.strip() in ("216", "217")
        assert not box.exists("/tmp/ran")
        box.wait_for(lambda: "Failed at step USER" in box.console or "Failed at step GROUP" in box.console)


def test_dynamic_users_of_one_name_are_one() -> None:
    text = "[Service]\nDynamicUser=yes\nUser=shared\nExecStart=sleep infinity\n"
    files = {f"/etc/systemd/system/{name}.service": text for name in ("a", "b")}
    with Box(files=files) as box:
        box.wait_booted()
        box.run("systemctl start a b", check=True)
        owners = [box.process(int(box.run(f"systemctl show -P MainPID {name}").stdout)).uids().real for name in "ab"]
        assert owners[0] == owners[1] and 61184 <= owners[0] <= 65519
        box.run("systemctl stop a", check=True)
        assert box.read("/run/systemd/dynamic-uid/" + str(owners[0])) == "shared\n"
        box.run("systemctl stop b", check=True)
        box.wait_for(lambda: not kept_users(box))


# These two names have the same hash: the second one gets another uid as long as the first has it.
SAME_HASH = ("da", "n1547")
REEXECUTED = "systemctl daemon-reexec && systemctl daemon-reexec"
TAKEN_OVER = ["sh", "-c", "systemctl start da; exec systemctl init"]


def dynamic(settings: str = "", command: str = "exec sleep infinity") -> str:
    return f'[Service]\nDynamicUser=yes\n{settings}\nExecStart=sh -c "{command}"\nExecReload=id\n'


def kill_supervisor(box: Box, unit: str) -> None:
    box.sole(f"supervisor: {unit}.service").kill()
    said = f"{unit}.service: Supervisor died"
    box.wait_for(lambda: said in box.read("/var/log/systemctl-replacement/manager.journal.jsonl"), what=said)


def uid_of(box: Box, unit: str) -> int:
    pid = int(box.run(f"systemctl show -P MainPID {unit}", check=True).stdout)
    uid: int = box.process(pid).uids().real
    return uid


@pytest.mark.parametrize("how", ["at-once", "re-executed", "taken-over"])
def test_a_dynamic_user_outlives_the_supervisor(how: str) -> None:
    files = {f"/etc/systemd/system/{name}.service": dynamic() for name in SAME_HASH}
    with Box(files=files, init=TAKEN_OVER if how == "taken-over" else None) as box:
        box.wait_booted()
        box.run("systemctl start da" + (f" && {REEXECUTED}" if how == "re-executed" else ""), check=True)
        before = uid_of(box, "da")
        kill_supervisor(box, "da")
        box.run("systemctl reload da", check=True)
        box.run("systemctl start n1547", check=True)
        assert uid_of(box, "da") == before != uid_of(box, "n1547")
        box.run("systemctl stop n1547 da", check=True)
        box.wait_for(lambda: not kept_users(box))


def test_what_a_dynamic_user_has_is_left_to_the_unit_whose_supervisor_was_killed() -> None:
    files = {
        "/etc/systemd/system/sa.service": dynamic("User=shared", "echo data >/dev/shm/data; exec sleep infinity"),
        "/etc/systemd/system/sb.service": dynamic("User=shared"),
    }
    with Box(files=files) as box:
        box.wait_booted()
        box.run("systemctl start sa sb", check=True)
        box.wait_for(lambda: box.exists("/dev/shm/data"))
        uid = str(uid_of(box, "sa"))
        kill_supervisor(box, "sa")
        box.run("systemctl stop sb", check=True)
        box.wait_for(lambda: not box.find("supervisor: sb.service"))
        box.wait_for(lambda: len(box.find("supervisor: ")) == 1)
        assert box.exists("/dev/shm/data") and uid in kept_users(box)
        box.run("systemctl stop sa", check=True)
        box.wait_for(lambda: not box.exists("/dev/shm/data") and not kept_users(box))


def test_what_a_dynamic_user_leaves_is_removed_without_a_supervisor() -> None:
    text = dynamic("Type=oneshot\nRemainAfterExit=yes", "echo data >/dev/shm/data")
    with Box(files={"/etc/systemd/system/sa.service": text}) as box:
        box.wait_booted()
        box.run("systemctl start sa", check=True)
        kill_supervisor(box, "sa")
        assert box.exists("/dev/shm/data")
        box.run("systemctl stop sa", check=True)
        box.wait_for(lambda: not box.exists("/dev/shm/data") and not kept_users(box))


def test_what_a_dynamic_user_has_is_for_nobody_else() -> None:
    settings = "DynamicUser=yes\nStateDirectory=st\nStateDirectoryMode=0755"
    with Box(files=service(settings, "echo secret >/var/lib/st/key; stat -c %%a /var/lib/st/")) as box:
        box.wait_booted()
        box.run("systemctl start a", check=True)
        box.wait_for(lambda: "]: 700" in box.console)
        assert box.run("cat /var/lib/st/key").stdout == "secret\n"
        for path in ("/var/lib/st/key", "/var/lib/private/st/key"):
            assert "Permission denied" in box.run(f"cat {path}", user="games").stderr


@pytest.mark.parametrize("user", ["DynamicUser=yes", "User=daemon"])
def test_links_of_a_service_lead_root_nowhere(user: str) -> None:
    text = f"[Service]\nType=oneshot\nRemainAfterExit=yes\n{user}\n"
    mine = f"{text}StateDirectory=n\nExecStart=sh -c 'ln -s /etc /var/lib/n/x; ln -s /etc /var/lib/n/cron.d'\n"
    files = {"mine": mine, "below": f"{text}StateDirectory=n/x/cron.d\nExecStart=true\n"}
    files["last"] = f"{text}StateDirectory=n/cron.d\nExecStart=true\n"
    files["new"] = f"{text}StateDirectory=n/x/new\nExecStart=true\n"
    with Box(files={f"/etc/systemd/system/{name}.service": text for name, text in files.items()}) as box:
        box.write("/etc/cron.d/job", "")
        box.wait_booted()
        box.run("systemctl start mine", check=True)
        for unit in ("below", "last", "new"):
            assert box.run(f"systemctl start {unit}").returncode == 1
            assert box.run(f"systemctl show -P ExecMainStatus {unit}").stdout == "238\n"
            box.run(f"systemctl reset-failed {unit}; systemctl clean --what=state {unit}")
        assert box.run("stat -c %U /etc /etc/cron.d /etc/cron.d/job").stdout == "root\n" * 3
        assert not box.exists("/etc/new")


def test_removing_goes_through_no_link_of_a_service() -> None:
    # The directory that is removed at the stop is not the one that existed at the start.
    command = "mv /run/n/x /run/n/y; ln -s /etc /run/n/x"
    with Box(files=service("User=daemon\nRuntimeDirectory=n n/x/cron.d", command)) as box:
        box.write("/etc/cron.d/job", "")
        box.wait_booted()
        box.run("systemctl start a; readlink /run/n/x >/run/link; systemctl stop a", check=True)
        assert box.read("/run/link") == "/etc\n"
        box.wait_for(lambda: not box.find("supervisor: a.service"))
        assert box.exists("/etc/cron.d/job")


def test_a_uid_that_is_taken_is_left_alone() -> None:
    files = service("DynamicUser=yes\nUser=foo")
    with Box(files=files) as box:
        box.run("echo taken:x:63016:63016::/:/bin/sh >>/etc/passwd", check=True)
        uid = int(started(box)["Uid"])
        assert uid != 63016 and 61184 <= uid <= 65519


def test_a_bounding_set_that_cannot_be_set_is_kept_all_the_same() -> None:
    with Box(Profile(DOCKER_CAPABILITIES & ~SETPCAP), files=service("CapabilityBoundingSet=CAP_CHOWN")) as box:
        found = started(box)
        assert found["Uid"] == "0"
        assert (found["CapPrm"], found["NoNewPrivs"]) == (f"{1:016x}", "1")


def test_privileges_that_the_container_lacks_are_told_and_the_unit_runs() -> None:
    settings = "User=games\nAmbientCapabilities=CAP_NET_ADMIN CAP_NET_BIND_SERVICE\nCPUSchedulingPolicy=rr\nNice=-5"
    with Box(files=service(settings)) as box:
        assert started(box)["CapAmb"] == f"{1 << 10:016x}"
        log = box.read("/var/log/systemctl-replacement/a.service.journal.jsonl")
        assert "does not have itself, ignoring: CAP_NET_ADMIN" in log
        assert "Failed to set up CPU scheduling, ignoring: Operation not permitted" in log
        assert "(nice level), ignoring: Permission denied" in log


def test_the_worst_case_is_neither_root_nor_silent() -> None:
    settings = "DynamicUser=yes\nProtectSystem=strict\nSystemCallFilter=@system-service\nCapabilityBoundingSet="
    with Box(files=service(settings, f"{STATUS}; ! touch /root/x")) as box:
        found = started(box)
        assert 61184 <= int(found["Uid"]) <= 65519
        assert (found["CapPrm"], found["CapBnd"], found["NoNewPrivs"]) == ("0" * 16, "0" * 16, "1")
        assert not box.exists("/root/x")
        (names,) = said(box, "a")
        expected = {"PrivateTmp=", "ProtectSystem=", "ProtectHome=", "RestrictSUIDSGID=", "SystemCallFilter="}
        assert set(names.split(", ")) == expected


def test_what_a_unit_prints_is_logged_as_it_asks() -> None:
    settings = "LogLevelMax=notice\nSyslogFacility=local0\nLogExtraFields=CASE=%n OTHER=x"
    with Box(files=service(settings, "echo '<6>info'; echo '<5>notice'; echo '<4>warning'")) as box:
        box.wait_booted()
        box.run("systemctl start a", check=True)
        text = box.read("/var/log/systemctl-replacement/a.service.journal.jsonl")
        lines = [json.loads(line) for line in text.splitlines()]
        assert [(line["MESSAGE"], line["PRIORITY"]) for line in lines] == [("notice", "5"), ("warning", "4")]
        assert {(line["CASE"], line["OTHER"], line["SYSLOG_FACILITY"]) for line in lines} == {("a.service", "x", "16")}
        assert "info" not in box.console.split("Starting a.service")[-1]
