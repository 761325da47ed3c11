"""Random trees of unit files and random install commands, from small pools so that they interact."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.conformance.offline.draw import either
from tests.conformance.offline.runner import Tree

ETC = "/etc/systemd/system"
RUN = "/run/systemd/system"
USR = "/usr/lib/systemd/system"
LOCAL = "/usr/local/lib/systemd/system"
TRANSIENT = "/run/systemd/transient"
GENERATOR = "/run/systemd/generator"
CONTROL = "/etc/systemd/system.control"
OUTSIDE = "/opt"

NAMES = (
    "a.service",
    "b.service",
    "D.service",
    "c.service",
    "a.socket",
    "t@.service",
    "t@x.service",
    "t@y.service",
    "u@.service",
    "u@x.service",
    "g.target",
    "multi-user.target",
    "default.target",
    "h.timer",
    "m.mount",
    "no-unit",
)
DIRECTORIES = (*[USR] * 12, *[ETC] * 3, RUN, LOCAL, TRANSIENT, GENERATOR, CONTROL, OUTSIDE)
GOOD_LINES = (
    "WantedBy=multi-user.target",
    "WantedBy=g.target",
    "RequiredBy=g.target multi-user.target",
    "Alias=c.service",
    "Alias=D.service",
    "Also=b.service",
    "Also=a.socket",
    "DefaultInstance=x",
)
LINES = (
    "WantedBy=multi-user.target",
    "WantedBy=g.target t@x.service",
    "RequiredBy=multi-user.target",
    "WantedBy=",
    "WantedBy=u@.service",
    "Alias=c.service",
    "Alias=b.service a.service",
    "Alias=u@.service",
    "Alias=t@x.service",
    "Alias=a.socket",
    "Alias=default.target",
    "Alias=multi-user.target.wants/a.service",
    "Alias=g.target.wants/t@x.service",
    "Alias=%p-%i.service",
    "Alias=x/y.service",
    "Alias=u@.service.requires/t@.service",
    "Also=b.service",
    "Also=a.socket c.service",
    "Also=t@x.service",
    "Also=missing.service",
    "Also=%n",
    "Also=%z",
    "DefaultInstance=%m",
    "WantedBy=%m.target",
    "Alias=u@.service.wants/t@x.service",
    "Also=no-unit",
    "DefaultInstance=x",
    "DefaultInstance=",
    "DefaultInstance=%p",
    "DefaultInstance=a/b",
    "WantedBy=bad",
    "Wanted=x",
    "X-Y=z",
    "nonsense",
    "[Unit]",
    "[Install]",
    "[Odd]",
    "WantedBy='g.target",
    "WantedBy='g.target'",
    "DesiredBy=g.target",
    "Alias=m.mount",
    "Alias=%j.service",
    "RequiredBy=%i.target %p.target",
)
PRESET_LINES = (
    "enable a.service",
    "disable a.service",
    "disable *",
    "enable *.socket",
    "disable b*",
    "enable t@.service x y",
    "disable t@.service",
    "enable t@*",
    "# no",
    "garbage here",
    "enable a.service x",
    "disable [!a]*.service",
)


@dataclass(frozen=True)
class Case:
    """A tree and the commands to run in it."""

    tree: Tree
    commands: tuple[tuple[str, ...], ...]


def _unit_text(lines: list[str]) -> str:
    return "\n".join(["[Install]", *lines, ""]) if lines else "[Unit]\n"


_names = st.sampled_from(NAMES)
_directories = st.sampled_from(DIRECTORIES)
_good_texts = st.lists(st.sampled_from(GOOD_LINES), min_size=1, max_size=3).map(_unit_text)
_odd_texts = st.lists(st.sampled_from(GOOD_LINES + LINES), max_size=4).map(_unit_text)
_texts = either(_good_texts, _good_texts, _good_texts, _good_texts, _odd_texts, st.just(""))
_paths = st.builds("{}/{}".format, _directories, _names)
_files = st.tuples(_paths, _texts)
_presets = st.tuples(
    st.builds(
        "{}/systemd/system-preset/{}.preset".format,
        st.sampled_from(("/etc", "/usr/lib", "/run")),
        st.sampled_from("12"),
    ),
    st.lists(st.sampled_from(PRESET_LINES), min_size=1, max_size=4).map(lambda lines: "\n".join([*lines, ""])),
)


def _with_dropins(units: list[tuple[str, str]]) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Half of the time draw drop-ins, mostly for these units."""
    present = st.sampled_from([path.rpartition("/")[2] for path, _ in units])
    paths = st.builds("{}/{}.d/{}.conf".format, _directories, either(present, present, _names), st.sampled_from("12"))
    dropins = st.lists(st.tuples(paths, _texts), min_size=1, max_size=3)
    return either(st.just(units), dropins.map(lambda found: [*units, *found]))


_targets = st.one_of(
    _paths, _names, st.just("/dev/null"), st.just("../dangling.service"), st.builds("../{}".format, _names)
)
_links = st.tuples(
    st.one_of(
        _paths,
        st.builds("{}/{}.{}/{}".format, _directories, _names, st.sampled_from(("wants", "requires")), _names),
    ),
    _targets,
)
_trees = st.builds(
    Tree,
    files=st.builds(
        lambda units, presets: (*units, *presets),
        st.lists(_files, min_size=1, max_size=7).flatmap(_with_dropins),
        either(st.just([]), st.lists(_presets, min_size=1, max_size=2)),
    ),
    links=either(st.just(()), st.lists(_links, min_size=1, max_size=4).map(tuple)),
    directories=st.just((ETC,)),
)

_switches = either(
    st.just(()), st.lists(st.sampled_from(("--runtime", "--force", "--quiet")), max_size=2, unique=True).map(tuple)
)
_modes = st.sampled_from(((), (), ("--preset-mode=enable-only",), ("--preset-mode=disable-only",)))
_patterns = st.lists(st.sampled_from(("a*", "t@*", "*.target")), max_size=1)


def _commands(tree: Tree) -> st.SearchStrategy[tuple[str, ...]]:
    """Commands that mostly name what is in the tree."""
    files = [path.rpartition("/")[2] for path, text in tree.files if path.count("/") < 6]
    installable = [name for name in files if name in NAMES] or ["a.service"]
    present = [path.rpartition("/")[2] for path, _ in tree.links]
    linked = [name for name in present if name in NAMES] or ["a"]
    # Future aliases: they exist once something has enabled them.
    aliases = [line[6:] for _, text in tree.files for line in text.split("\n") if line.startswith("Alias=")]
    unknown = either(_names, st.sampled_from([name for name in aliases if name in NAMES] or ["c"]))
    names = either(*[st.sampled_from(installable)] * 8, st.sampled_from(linked), unknown)
    one = names.map(lambda name: [name])
    some = st.lists(either(*[names] * 9, st.just("missing.service")), min_size=2, max_size=3)
    units = either(one, one, some)

    def listed(*verbs: str) -> st.SearchStrategy[tuple[str, ...]]:
        return st.builds(
            lambda verb, switches, units: (verb, *switches, *units), st.sampled_from(verbs), _switches, units
        )

    return either(
        listed("enable"),
        listed("enable", "reenable"),
        listed("disable"),
        listed("mask", "unmask"),
        listed("is-enabled"),
        listed("revert"),
        st.builds(lambda switches, mode, units: ("preset", *switches, *mode, *units), _switches, _modes, units),
        either(
            st.builds(lambda switches, mode: ("preset-all", *switches, *mode), _switches, _modes),
            st.builds(lambda patterns: ("list-unit-files", *patterns), _patterns),
        ),
        st.builds(
            lambda verb, name: (verb, f"{OUTSIDE}/{name}"), st.sampled_from(("link", "enable", "reenable")), names
        ),
        st.builds(
            lambda verb, target, units: (verb, target, *units),
            st.sampled_from(("add-wants", "add-requires")),
            either(names, names, st.sampled_from(("g.target", "multi-user.target", "bad"))),
            units,
        ),
        either(
            st.builds(lambda name: ("set-default", name), either(names, st.sampled_from(("g.target", "multi-user")))),
            st.just(("get-default",)),
        ),
    )


def _case(tree: Tree) -> st.SearchStrategy[Case]:
    return st.builds(Case, st.just(tree), st.lists(_commands(tree), min_size=1, max_size=3).map(tuple))


def _comparable(case: Case) -> bool:
    """Below a root systemd 252 forgets that a generated unit is the vendor's: `revert` keeps what it should remove."""
    generated = any(path.startswith(GENERATOR) for path, _ in (*case.tree.files, *case.tree.links))
    return not (generated and any(command[0] == "revert" for command in case.commands))


cases = _trees.flatmap(_case).filter(_comparable)
