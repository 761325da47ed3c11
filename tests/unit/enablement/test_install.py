"""Plans and their execution, where comparing with the real systemctl says nothing: failures, confinement, dry runs."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from systemctl_replacement.enablement import plans
from systemctl_replacement.enablement.changes import ERROR, SYMLINK, apply
from systemctl_replacement.enablement.directories import IMAGE_UNITS, system_directories
from systemctl_replacement.enablement.enablement_state import StateReader
from systemctl_replacement.enablement.lookup import Planner

UNIT_PATH = ["/etc/systemd/system", "/run/systemd/system", "/run/systemd/generator", "/usr/lib/systemd/system"]
INSTALLABLE = "[Install]\nWantedBy=multi-user.target\nAlias=b.service\n"


def new_planner(root: Path) -> Planner:
    directories = system_directories(
        [f"{root}{path}" for path in UNIT_PATH] + ["/opt/shipped"], str(root), "/opt/shipped"
    )
    return Planner(directories, str(root))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    units = tmp_path / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    (units / "a.service").write_text(INSTALLABLE)
    return tmp_path


def test_planning_writes_nothing(root: Path) -> None:
    plan = plans.enable(new_planner(root), ["a.service"])
    assert [change.kind for change in plan.changes if change.kind == SYMLINK] == [SYMLINK, SYMLINK]
    assert not (root / "etc").exists()


def test_enable_counts_what_install_asks_for_even_if_it_is_there(root: Path) -> None:
    assert apply(plans.enable(new_planner(root), ["a.service"]), str(root)).carried == 2
    again = plans.enable(new_planner(root), ["a.service"])
    assert again.carried == 2
    assert not any(step.operation for step in again.steps)


def test_nothing_outside_the_root_is_written(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tmp_path / "root"
    (root / "usr/lib/systemd/system").mkdir(parents=True)
    (root / "usr/lib/systemd/system/a.service").write_text(INSTALLABLE)
    (root / "etc").symlink_to(outside)
    apply(plans.enable(new_planner(root), ["a.service"]), str(root))
    assert list(outside.iterdir()) == []
    assert (root / str(outside).lstrip("/") / "systemd/system/b.service").is_symlink()


def test_links_out_of_the_root_are_not_followed(tmp_path_factory: pytest.TempPathFactory, root: Path) -> None:
    secret = tmp_path_factory.mktemp("outside") / "secret.service"
    secret.write_text("[Install]\nAlias=stolen.service\n")
    (root / "etc/systemd/system").mkdir(parents=True)
    (root / "etc/systemd/system/x.service").symlink_to(secret)
    plan = plans.enable(new_planner(root), ["x.service"])
    assert plan.error == errno.ENOENT
    assert "stolen" not in str(plan)


def test_a_failed_step_is_reported_and_the_others_done(root: Path) -> None:
    planner = plans.enable(new_planner(root), ["a.service"])
    (root / "etc/systemd/system").mkdir(parents=True)
    (root / "etc/systemd/system/multi-user.target.wants").write_text("in the way")
    done = apply(planner, str(root))
    assert done.error in (errno.ENOTDIR, errno.EEXIST)
    assert [change.path for change in done.changes if change.kind == ERROR] == [
        f"{root}/etc/systemd/system/multi-user.target.wants/a.service"
    ]
    assert (root / "etc/systemd/system/b.service").is_symlink()


def test_empty_directories_go_with_their_last_link(root: Path) -> None:
    apply(plans.enable(new_planner(root), ["a.service"]), str(root))
    assert (root / "etc/systemd/system/multi-user.target.wants").is_dir()
    apply(plans.disable(new_planner(root), ["a.service"]), str(root))
    assert list((root / "etc/systemd/system").iterdir()) == []


def test_units_we_ship_are_those_of_the_image(root: Path) -> None:
    shipped = root / IMAGE_UNITS.lstrip("/")
    shipped.mkdir(parents=True)
    (shipped / "multi-user.target").write_text("[Unit]\n")
    apply(plans.set_default(new_planner(root), "multi-user.target"), str(root))
    assert (root / "etc/systemd/system/default.target").readlink() == Path(IMAGE_UNITS, "multi-user.target")


def test_a_generated_unit_cannot_be_enabled(root: Path) -> None:
    generated = root / "run/systemd/generator"
    generated.mkdir(parents=True)
    (generated / "g.service").write_text(INSTALLABLE)
    assert plans.enable(new_planner(root), ["g.service"]).error == errno.EADDRNOTAVAIL
    assert StateReader(new_planner(root)).state("g.service") == "generated"


def test_states_of_many_units_read_each_directory_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    units = root / "usr/lib/systemd/system"
    for number in range(50):
        (units / f"many{number}.service").write_text(INSTALLABLE)
    planner = new_planner(root)
    visited: list[str] = []
    original = planner.tree.entries

    def counted(path: str) -> list[tuple[str, str]]:
        visited.append(path)
        return original(path)

    monkeypatch.setattr(planner.tree, "entries", counted)
    files = list(StateReader(planner).files())
    assert {file.state for file in files} == {"disabled"}
    assert visited.count("/usr/lib/systemd/system") == 2  # once for the names, once for the links


def test_reenable_takes_what_drop_ins_ask_for(tmp_path: Path) -> None:
    """Unlike systemd 252's (docs/differences.md)."""
    unit = tmp_path / "usr/lib/systemd/system/a.service"
    (unit.parent / "a.service.d").mkdir(parents=True)
    unit.write_text("[Install]\nWantedBy=x.target\n")
    (unit.parent / "a.service.d/1.conf").write_text("[Install]\nWantedBy=y.target\n")
    apply(plans.reenable(new_planner(tmp_path), ["a.service"]), str(tmp_path))
    assert (tmp_path / "etc/systemd/system/x.target.wants/a.service").is_symlink()
    assert (tmp_path / "etc/systemd/system/y.target.wants/a.service").is_symlink()


def test_words_before_a_bad_quote_are_kept(root: Path) -> None:
    """UpheldBy= too, which 252 does not have (the others are compared with it)."""
    (root / "usr/lib/systemd/system/a.service").write_text('[Install]\nUpheldBy=b.service "c.service\n')
    plan = plans.enable(new_planner(root), ["a.service"])
    assert [change.path for change in plan.changes if change.kind == SYMLINK] == [
        f"{root}/etc/systemd/system/b.service.upholds/a.service"
    ]
