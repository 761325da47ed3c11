"""The machine of mounts: its commands, what the kernel and mount(8) say, and what takes too long."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

import pytest

from systemctl_replacement.log_levels import LOG_DEBUG
from systemctl_replacement.records import replace
from systemctl_replacement.unitfile.load import load
from systemctl_replacement.unitfile.loadpath import Index
from systemctl_replacement.unitfile.manager_config import ManagerConfig
from systemctl_replacement.unitfile.specifiers import Host
from systemctl_replacement.units import events
from systemctl_replacement.units.mount.config import MOUNT, REMOUNT, UNMOUNT, MountConfig
from systemctl_replacement.units.mount.kind import KIND
from systemctl_replacement.units.mount.state import ACTIVE_STATE, RESTING, MountState
from systemctl_replacement.units.mount.step import MountFlow
from systemctl_replacement.units.mounted import MakeMountPoint, Mounted, MountPointFailed, MountPointMade, Unmounted

THERE = Mounted("/mnt", "tmpfs", "tmpfs", "rw")
CONFIG = MountConfig(where="/mnt", what="tmpfs", type="tmpfs", options="size=1m", timeout_usec=90)


@dataclass
class World:
    """One mount, its process, and what the kernel has mounted."""

    config: MountConfig = CONFIG
    state: MountState = field(default_factory=MountState)
    now: int = 1_000
    spawn: Optional[events.Spawn] = None
    pid: int = 0
    obstacle: str = ""
    seen: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    killed: list[int] = field(default_factory=list)

    def step(self, event: events.Event) -> None:
        self.state, actions = KIND.step(self.config, self.state, event, events.Context(self.now))
        for action in actions:
            if isinstance(action, MakeMountPoint):
                assert action == self.config.mount_point
                self.step(MountPointFailed(self.obstacle) if self.obstacle else MountPointMade())
            elif isinstance(action, events.Spawn):
                self.spawn = action
            elif isinstance(action, events.Changed):
                assert action.active == ACTIVE_STATE[action.sub]
                self.seen.append(action.sub)
            elif isinstance(action, events.Log) and action.level < LOG_DEBUG:
                self.said.append(action.message)
            elif isinstance(action, (events.SignalAll, events.Signal)):
                self.killed.append(action.signal)

    def fork(self) -> None:
        assert self.spawn is not None
        self.pid += 1
        token, self.spawn = self.spawn.token, None
        self.step(events.Forked(token, self.pid, (1, 1)))

    def exit(self, status: int = 0, code: str = "exited") -> None:
        self.step(events.Exited(self.pid, code, status, (2, 2), last=True))

    def begin(self, event: events.Event) -> None:
        self.step(event)
        self.fork()

    def elapse(self) -> None:
        assert self.state.deadline is not None
        self.now = self.state.deadline
        self.step(events.Elapsed())

    def mounted(self) -> World:
        self.begin(events.Start())
        self.step(THERE)
        self.exit()
        self.seen.clear()
        return self


def argv(config: MountConfig, phase: str) -> str:
    return " ".join(config.phase(phase)[0].argv)


def test_commands() -> None:
    plain = MountConfig(where="/mnt", what="/dev/x")
    assert argv(plain, MOUNT) == "/bin/mount /dev/x /mnt"
    assert argv(plain, UNMOUNT) == "/bin/umount /mnt -c"
    assert argv(plain, REMOUNT) == "/bin/mount /dev/x /mnt -o remount"
    full = MountConfig(
        where="/mnt", what="/dev/x", type="ext4", options="noauto,ro,nofail",
        sloppy=True, read_write_only=True, lazy=True, force=True,
    )  # fmt: skip
    assert argv(full, MOUNT) == "/bin/mount /dev/x /mnt -s -w -t ext4 -o ro"
    assert argv(full, UNMOUNT) == "/bin/umount /mnt -c -l -f"
    assert argv(full, REMOUNT) == "/bin/mount /dev/x /mnt -o remount,noauto,ro,nofail -s -w -t ext4"
    assert MountConfig(where="/mnt").phase(MOUNT) == ()
    assert argv(MountConfig(where="/m", what="x", options=r"a=1\,auto,b"), MOUNT).endswith(r"-o a=1\,auto,b")


@pytest.mark.parametrize(
    ("options", "kind", "is_bind"), [("ro,bind", "", True), ("", "rbind", True), ("rb", "x", False)]
)
def test_what_a_bind_mount_needs(options: str, kind: str, is_bind: bool) -> None:
    config = MountConfig(where="/mnt", what="/from", type=kind, options=options, directory_mode=0o700)
    assert config.mount_point == MakeMountPoint("/mnt", 0o700, "/from" if is_bind else "")


def test_mounting_and_unmounting() -> None:
    world = World()
    world.step(events.Start())
    assert not KIND.is_resting(world.state) and KIND.is_changing(world.state)
    world.fork()
    world.step(THERE)
    world.exit()
    assert world.seen == ["mounting", "mounting-done", "mounted"]
    assert world.state.deadline is None and not KIND.is_foreign(world.state)
    shown = KIND.properties(file("mnt.mount"), CONFIG, world.state)
    assert (shown["What"], shown["Options"], shown["ControlPID"], "ExecUnmount" in shown) == ("tmpfs", "rw", 0, False)
    assert (shown["ExecMount"][0]["pid"], shown["ExecMount"][0]["status"]) == (1, 0)
    world.begin(events.Stop())
    assert KIND.must_settle(world.state)
    world.step(Unmounted())
    world.exit()
    assert world.seen[3:] == ["unmounting", "dead"]
    assert world.said == ["Deactivated successfully."]
    world.step(events.Start())
    shown = KIND.properties(file("mnt.mount"), CONFIG, world.state)
    assert [shown[phase][0]["pid"] for phase in (MOUNT, UNMOUNT)] == [0, 0]


def test_its_directories_are_removed_before_it_is_down() -> None:
    """Whoever has unmounted it; and who mounts something meanwhile finds it up."""
    config = replace(CONFIG, preserve_directories="no")
    world = World(config).mounted()
    world.step(Unmounted())
    assert (world.seen, world.state.leaving) == (["unmounting"], True)
    assert KIND.resume(config, world.state, events.Context(0)) == (events.RemoveDirectories(),)
    world.step(events.Removed())
    assert world.seen == ["unmounting", "dead"]
    world.mounted()
    world.step(Unmounted())
    world.step(THERE)
    world.step(events.Removed())
    assert world.seen == ["unmounting", "unmounting", "mounted"]
    world.begin(events.Stop())
    world.step(Unmounted())
    world.exit()
    assert world.seen[3:] == ["unmounting"]
    world.step(events.Removed())
    assert world.seen[3:] == ["unmounting", "dead"]


def file(name: str) -> Any:
    return load(name, Index([]), Host())


@pytest.mark.parametrize(
    ("code", "status", "result", "said"),
    [
        ("exited", 32, "exit-code", "Mount process exited, code=exited, status=32/n/a"),
        ("killed", 9, "signal", "Mount process exited, code=killed, status=9/KILL"),
        ("dumped", 6, "core-dump", "Mount process exited, code=dumped, status=6/ABRT"),
        ("exited", 0, "protocol", "Mount process finished, but there is no mount."),
    ],
)
def test_mounting_fails(code: str, status: int, result: str, said: str) -> None:
    world = World()
    world.begin(events.Start())
    world.exit(status, code)
    assert (world.state.sub, world.state.result) == ("failed", result)
    assert said in world.said and f"Failed with result '{result}'." in world.said
    world.step(events.ResetFailed())
    assert (world.state.sub, world.state.result) == ("dead", "success")


@pytest.mark.parametrize(("event", "task"), [(events.Start(), "mount"), (events.Stop(), "umount")])
def test_no_process(event: events.Event, task: str) -> None:
    world = World() if task == "mount" else World().mounted()
    world.step(event)
    assert world.spawn is not None
    world.step(events.SpawnFailed(world.spawn.token, "No space left on device"))
    assert f"Failed to run '{task}' task: No space left on device" in world.said
    assert (world.state.sub, world.state.result) == ("failed" if task == "mount" else "mounted", "resources")


def test_no_mount_point() -> None:
    world = World(obstacle="Too many levels of symbolic links")
    world.step(events.Start())
    assert (world.state.sub, world.state.result, world.seen) == ("failed", "resources", ["failed"])
    assert world.said[0] == "Failed to run 'mount' task: Too many levels of symbolic links"


def test_nothing_to_mount() -> None:
    world = World(MountConfig(where="/mnt"))
    world.step(events.Start())
    assert (world.state.sub, world.state.result) == ("failed", "resources")


def test_the_kernel_decides_what_became_of_an_unmount() -> None:
    world = World().mounted()
    world.begin(events.Stop())
    world.exit(32)
    assert (world.state.sub, world.state.result) == ("mounted", "exit-code")
    world = World().mounted()
    world.begin(events.Stop())
    world.step(Unmounted())
    world.exit(32)
    assert "Mount disappeared even though umount process failed, continuing." in world.said
    assert (world.state.sub, world.state.result) == ("failed", "exit-code")


def test_what_is_mounted_one_over_the_other() -> None:
    world = World().mounted()
    world.begin(events.Stop())
    world.exit()
    world.fork()
    world.step(Unmounted())
    world.exit()
    assert world.seen == ["unmounting", "unmounting", "dead"]
    world = World().mounted()
    world.begin(events.Stop())
    for _ in range(32):
        world.exit()
        world.fork()
    world.exit()
    assert world.state.sub == "mounted"
    assert world.said[-1] == "Mount still present after 32 attempts to unmount, giving up."


def test_what_others_mount_and_unmount() -> None:
    world = World()
    world.step(THERE)
    assert KIND.is_foreign(world.state) and KIND.mounted(world.state) == THERE
    world.step(Unmounted())
    assert world.seen == ["mounted", "dead"]
    world.begin(events.Start())
    world.step(THERE)
    world.step(Unmounted())
    assert world.state.sub == "mounting"  # as fuse file systems do when they cannot connect
    world.exit(1)
    assert (world.state.sub, world.state.result) == ("failed", "exit-code")


def test_only_what_a_start_has_mounted_takes_time_at_a_halt() -> None:
    """The engine's mounts are left alone then."""
    there = KIND.up(THERE)
    assert not KIND.stop_takes_time(CONFIG, there) and not KIND.owed(CONFIG, there)
    world = World().mounted()
    assert KIND.stop_takes_time(CONFIG, world.state) and KIND.owed(CONFIG, world.state) == (UNMOUNT,)


def test_what_is_mounted_can_be_unmounted_though_its_unit_is_masked() -> None:
    masked = replace(load("mnt.mount", Index([], ""), Host.current("", "0" * 32)), load_state="masked")
    found = KIND.found(masked, THERE)
    assert found.load_state == "masked"
    (command,) = KIND.configure(found, ManagerConfig(), lambda: True).phase(UNMOUNT)
    assert command.argv == ("/bin/umount", "/mnt", "-c")


def test_remounting() -> None:
    world = World().mounted()
    world.begin(events.Reload())
    world.exit()
    assert (world.seen, world.state.reload_result) == (["remounting", "mounted"], "success")
    world.begin(events.Reload())
    world.exit(32)
    assert (world.state.sub, world.state.result, world.state.reload_result) == ("mounted", "success", "exit-code")


def test_mounting_takes_too_long() -> None:
    world = World()
    world.begin(events.Start())
    world.elapse()
    assert world.said == ["Mounting timed out. Terminating."]
    world.elapse()
    assert world.said[-1] == "Mount process timed out. Killing."
    world.elapse()
    assert "Mount process still around after SIGKILL. Ignoring." in world.said
    assert world.seen == ["mounting", "unmounting-sigterm", "unmounting-sigkill", "failed"]
    assert (world.state.result, world.killed) == ("timeout", [15, 9])


def test_unmounting_takes_too_long() -> None:
    world = World().mounted()
    world.begin(events.Stop())
    world.elapse()
    assert world.said[-1] == "Unmounting timed out. Terminating."
    world.exit(15, "killed")
    assert (world.state.sub, world.state.result) == ("mounted", "timeout")


def test_remounting_takes_too_long() -> None:
    world = World().mounted()
    world.begin(events.Reload())
    world.elapse()
    assert world.said[-1] == "Remounting timed out. Terminating remount process."
    world.elapse()
    assert world.said[-1] == "Remounting timed out. Killing."
    world.elapse()
    assert world.seen == ["remounting", "remounting-sigterm", "remounting-sigkill", "mounted"]
    assert (world.state.result, world.state.reload_result) == ("success", "timeout")
    world.begin(events.Reload())
    world.elapse()
    world.step(events.Stop())
    assert world.state.sub == "unmounting-sigterm"


def test_a_start_that_is_given_up() -> None:
    world = World()
    world.begin(events.Start())
    world.step(events.Stop())
    assert (world.state.sub, world.killed) == ("unmounting-sigterm", [15])
    world.exit(15, "killed")
    assert (world.state.sub, world.state.result) == ("failed", "signal")


def test_too_many_starts() -> None:
    world = World()
    world.step(events.StartLimitHit())
    assert (world.state.sub, world.state.result) == ("failed", "start-limit-hit")


def test_random_lives() -> None:
    """Whatever happens: a state between two has a process and a deadline, one that rests has neither; and what is
    mounted is not called dead."""
    choose = random.Random(7)
    for _ in range(300):
        world = World(MountConfig(where="/mnt", what="tmpfs", timeout_usec=90, send_sigkill=choose.random() < 0.7))
        for _ in range(30):
            choose.choice(_possible(world, choose))()
            state = world.state
            if state.control is None or state.control.pid:
                world.spawn = None
            assert (state.deadline is None) == (state.sub in RESTING), state
            assert state.sub in RESTING or state.control is not None, state
            assert (state.sub in ("dead", "failed")) <= (state.kernel is None), state
            assert (state.sub == "mounted") <= (state.kernel is not None), state


def _possible(world: World, choose: random.Random) -> list[Callable[[], object]]:
    requests: list[events.Event] = [events.Start(), events.Stop(), events.Reload(), events.ResetFailed()]
    ways: list[Callable[[], object]] = [
        lambda: world.step(choose.choice(requests)),
        lambda: world.step(THERE),
        lambda: world.step(Unmounted()),
    ]
    spawn = world.spawn
    if spawn is not None:
        ways += [world.fork, lambda: world.step(events.SpawnFailed(spawn.token, "no"))]
    if KIND.roles(world.state).control:
        ways.append(lambda: world.exit(*choose.choice([(0, "exited"), (32, "exited"), (15, "killed")])))
    if world.state.deadline is not None:
        ways.append(world.elapse)
    return ways


def test_kill_states_are_known() -> None:
    assert MountFlow.rungs.keys() <= ACTIVE_STATE.keys()
