"""Init scripts: parsing the comments at their top, and generating their units.

Sources: systemd-sysv-generator(8); the comments are those of the Linux Standard Base ("Comment Conventions for Init
Scripts") and of Red Hat's chkconfig(8). Pure: the manager finds the scripts and writes the units.
"""

from __future__ import annotations

from systemctl_replacement.records import dataclass
from systemctl_replacement.unitfile import names, quoting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BEGIN, _END = "### BEGIN INIT INFO", "### END INIT INFO"

_ONLINE, _NETWORK = "network-online.target", "network.target"

# Facilities of the standard and their targets; "" if every service is ordered after it anyway, or needs none.
_FACILITIES = {
    "local_fs": "",
    "network": _ONLINE,
    "named": "nss-lookup.target",
    "portmap": "rpcbind.target",
    "remote_fs": "remote-fs.target",
    "syslog": "",
    "time": "time-sync.target",
}
_ORDERINGS = ("required-start:", "should-start:", "x-start-before:", "x-start-after:")
# How a usage line offers `reload`: as one of the words between braces and bars.
_RELOADS = tuple(f"{before}reload{after}" for before in "{|" for after in '|}"')


@dataclass(frozen=True)
class InitScript:
    """An init script as its comments describe it; units are named as systemd names them, in the order of the text."""

    unit: str
    description: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    pid_file: str = ""
    has_header: bool = False  # the standard's, between BEGIN and END INIT INFO
    reloads: bool = False


def unit_name(script: str) -> str:
    """The unit of a script or of what its header names: `foo` and `foo.sh` are `foo.service`. ValueError if none."""
    return names.mangle(_stem(script))


def _stem(script: str) -> str:
    return script[:-3] if script.endswith(".sh") else script


def parse(unit: str, script: str, text: str) -> InitScript:
    """Read the text of a script; `script` is its file's name."""
    reader = _Reader(unit, script)
    for line in text.split("\n"):
        reader.read(line)
    return reader.result()


class _Reader:
    """The state between two lines: where in the text we are, and what was found."""

    def __init__(self, unit: str, script: str) -> None:
        self.unit = unit
        self.stem = _stem(script)
        self.place = ""  # "", header, long-description (in the header), description (Red Hat's, continued), usage
        self.has_header = self.reloads = False
        self.pid_file = ""
        self.descriptions = {"short": "", "chkconfig": "", "long": ""}  # the first one found counts
        self.before: list[str] = []
        self.after: list[str] = []
        self.wants: list[str] = []
        self.aliases: list[str] = []

    def read(self, line: str) -> None:
        text = line.strip()
        if not text.startswith("#"):
            self._code(text)
        elif self.place == "" and text == _BEGIN:
            self.place, self.has_header = "header", True
        elif self.place in ("header", "long-description") and text == _END:
            self.place = ""
        else:
            comment = text[1:].lstrip()
            if self.place == "":
                self._red_hat(comment)
            elif self.place == "description":
                self._go_on("chkconfig", comment.rstrip("\\"))
                self.place = "description" if comment.endswith("\\") else ""
            elif self.place in ("header", "long-description"):
                self._header(line, comment)

    def _code(self, text: str) -> None:
        """Guess from the usage line whether the script knows `reload`."""
        if self.place == "usage" or (self.place == "" and "usage" in text.lower()):
            if any(word in text.lower() for word in _RELOADS):
                self.reloads = True
                self.place = ""
            else:
                self.place = "usage" if text.endswith("\\") else ""

    def _red_hat(self, comment: str) -> None:
        key, value = _split(comment)
        if key == "description:":
            self.descriptions["chkconfig"] = value.rstrip("\\").strip()
            self.place = "description" if value.endswith("\\") else ""
        elif key == "pidfile:" and value.startswith("/"):
            self.pid_file = value

    def _header(self, line: str, comment: str) -> None:
        key, value = _split(comment)
        if key == "provides:":
            self._provides(value)
        elif key in _ORDERINGS:
            self._ordering(key, value)
        elif key == "description:":
            self.descriptions["long"] = value
        elif key == "short-description:":
            self.descriptions["short"] = value
        elif self.place == "long-description" and line.startswith(("#\t", "#  ")):
            self._go_on("long", comment)
            return
        elif self.place != "long-description":
            return
        self.place = "long-description" if key == "description:" else "header"

    def _go_on(self, kind: str, text: str) -> None:
        self.descriptions[kind] = " ".join(filter(None, (self.descriptions[kind], text.strip())))

    def _units(self, value: str) -> Iterator[str]:
        position = 0
        while True:
            try:
                word, position = quoting.first_word(value, position, unescape=False, relax=True)
                if word is None:
                    return
                unit = self._unit(word)
            except quoting.QuotingError:
                return
            except ValueError:
                continue
            if unit:
                yield unit

    def _unit(self, word: str) -> str:
        """The unit that a word of the header means, "" for none that matters."""
        name = word[1:] if word.startswith("$") else word
        if name in _FACILITIES:
            return _FACILITIES[name]
        if word.startswith("$"):
            target = name + ".target"
            return target if names.valid_unit_name(target) else ""
        return "" if name == self.stem else unit_name(name)

    def _provides(self, value: str) -> None:
        for unit in self._units(value):
            kind = names.unit_type(unit)
            if kind == "service" and unit != self.unit:
                self.aliases.append(unit)
            elif kind == "target":
                # A provider pulls in the target of its facility, never the other way round.
                targets = [unit, *([_NETWORK] if unit == _ONLINE else [])]
                self.before += targets
                self.wants += targets

    def _ordering(self, key: str, value: str) -> None:
        earlier = key == "x-start-before:"
        for unit in self._units(value):
            (self.before if earlier else self.after).append(unit)
            if unit == _ONLINE and not earlier:
                self.wants.append(unit)

    def result(self) -> InitScript:
        description = next(filter(None, self.descriptions.values()), "")
        return InitScript(
            self.unit,
            f"{'LSB' if self.has_header else 'SYSV'}: {description}" if description else "",
            tuple(self.before),
            tuple(self.after),
            tuple(self.wants),
            tuple(self.aliases),
            self.pid_file,
            self.has_header,
            self.reloads,
        )


def _split(comment: str) -> tuple[str, str]:
    """`Key: value` as ("key:", "value"); ("", …) for any other line."""
    key, colon, value = comment.partition(":")
    return (key.lower() + ":", value.strip()) if colon else ("", comment)


def unit_text(path: str, script: InitScript, before: Sequence[str], after: Sequence[str]) -> str:
    """The unit file of a script; before, after: ordering that follows from its links in the runlevels."""
    path, description, pid_file = (text.replace("%", "%%") for text in (path, script.description, script.pid_file))
    lines = [
        "# Made of an init script, see systemd-sysv-generator(8)",
        "",
        "[Unit]",
        "Documentation=man:systemd-sysv-generator(8)",
        f"SourcePath={path}",
        *([f"Description={description}"] if description else []),
        *(f"Before={unit}" for unit in dict.fromkeys((*script.before, *before))),
        *(f"After={unit}" for unit in dict.fromkeys((*script.after, *after))),
        *(f"Wants={unit}" for unit in dict.fromkeys(script.wants)),
        "",
        "[Service]",
        "Type=forking",
        "Restart=no",
        "TimeoutSec=5min",
        "IgnoreSIGPIPE=no",
        "KillMode=process",
        "GuessMainPID=no",
        f"RemainAfterExit={'no' if pid_file else 'yes'}",
        *([f"PIDFile={pid_file}"] if pid_file else []),
        # By the standard, "not installed" and "not configured" are no failures.
        *(["SuccessExitStatus=5 6"] if script.has_header else []),
        f"ExecStart={path} start",
        f"ExecStop={path} stop",
        *([f"ExecReload={path} reload"] if script.reloads else []),
        "",
    ]
    return "\n".join(lines)
