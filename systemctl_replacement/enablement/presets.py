"""Preset files: which units a distribution wants enabled. Source: systemd.preset(5)."""

from __future__ import annotations

from systemctl_replacement.enablement.directories import SYSTEM, UnitDirectories
from systemctl_replacement.enablement.planned_tree import PlannedTree
from systemctl_replacement.log_levels import LOG_WARNING
from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile.names import instance_of, replace_instance, template_of, valid_unit_name
from systemctl_replacement.unitfile.patterns import matches
from systemctl_replacement.unitfile.quoting import QuotingError, first_word
from systemctl_replacement.unitfile.syntax import Problem

_PARENTS = ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")


@dataclass(frozen=True)
class Rule:
    """One line of a preset file. `instances` are those to enable of the template that `pattern` names."""

    pattern: str
    enable: bool
    instances: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preset:
    """What presets say about a unit. For a template that may be a list of instances."""

    enable: bool
    instances: tuple[str, ...] = ()


@dataclass(frozen=True)
class Presets:
    """All rules in order, and what is wrong in their files."""

    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...]

    def query(self, name: str) -> Preset:
        """What the first matching rule says about a unit. Without a rule it is enabled."""
        for rule in self.rules:
            found = _apply(rule, name)
            if found is not None:
                return found
        return Preset(True)


def _apply(rule: Rule, name: str) -> Preset | None:
    if rule.instances and "@" in name and template_of(name) == rule.pattern:
        if valid_unit_name(name, plain=False, instance=False):
            return Preset(True, tuple(replace_instance(name, instance) for instance in rule.instances))
        if instance_of(name) in rule.instances:
            return Preset(True)
    return Preset(rule.enable) if matches(name, rule.pattern) else None


def read_presets(tree: PlannedTree, units: UnitDirectories) -> Presets:
    """The rules of all files, in order of the file names. A file hides those with its name in later directories.

    The last directory is that of the units we ship, which come with presets just as systemd's package does.
    """
    if units.scope == SYSTEM:
        directories = [f"{parent}/systemd/system-preset" for parent in _PARENTS]
        directories += [units.shipped] if units.shipped else []
    else:
        directories = [f"{parent}/systemd/user-preset" for parent in _PARENTS[:-1]]
    files: dict[str, str] = {}
    for directory in directories:
        for entry, kind in tree.entries(directory):
            if entry.endswith(".preset") and kind in ("file", "link"):
                files.setdefault(entry, f"{directory}/{entry}")
    rules: list[Rule] = []
    problems: list[Problem] = []
    for entry in sorted(files):
        try:
            data = tree.read(files[entry])
        except OSError:
            continue  # a link that leads nowhere, such as one to /dev/null that disables a file
        found, wrong = parse_rules(data, tree.root + files[entry])
        rules += found
        problems += wrong
    return Presets(tuple(rules), tuple(problems))


def parse_rules(data: bytes, path: str) -> tuple[list[Rule], list[Problem]]:
    """The rules of one file. `path` is for messages."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        line = line.strip(" \t\r")
        if not line or line[0] in "#;":
            continue
        rule = _parse_rule(line)
        if rule is None:
            problems.append(Problem(path, number, LOG_WARNING, f"Couldn't parse line '{line}'. Ignoring."))
        else:
            rules.append(rule)
    return rules, problems


def _parse_rule(line: str) -> Rule | None:
    verb, _, rest = line.replace("\t", " ").partition(" ")
    rest = rest.strip()
    if verb == "disable":
        return Rule(rest, enable=False)
    if verb != "enable" or not rest:
        return None
    try:
        pattern, position = first_word(rest, unquote=False, retain_escape=True)
    except QuotingError:
        return None
    instances = tuple(rest[position:].split())
    if instances and not valid_unit_name(pattern or "", plain=False, instance=False):
        return None
    return Rule(pattern or "", enable=True, instances=instances)
