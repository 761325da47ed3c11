"""What journalctl's command line says."""

from __future__ import annotations

LINES_ALL, LINES_DEFAULT = -1, -2


class Options:
    """What the command line says. Attributes are named after the options."""

    def __init__(self) -> None:
        self.action = "show"  # or what the last option that asks for something else says
        self.system = self.user = False
        self.merge = False
        self.directory: str | None = None
        self.files: list[str] = []
        self.root = ""
        self.image = ""
        self.machine: str | None = None
        self.since: int | None = None  # usec of the real-time clock, as until
        self.until: int | None = None
        self.cursor: str | None = None
        self.after_cursor: str | None = None
        self.cursor_file: str | None = None
        self.show_cursor = False
        self.boot = False
        self.boot_id = ""  # 32 hex digits
        self.boot_offset = 0
        self.invocation = False
        self.invocation_id = ""  # 32 hex digits
        self.invocation_offset = 0
        self.dmesg = False
        self.units: list[str] = []
        self.user_units: list[str] = []
        self.identifiers: list[str] = []
        self.excluded_identifiers: list[str] = []
        self.priorities: range | None = None
        self.facilities: set[int] | None = None
        self.pattern: str | None = None
        self.case_sensitive: bool | None = None  # None: unless the pattern is all lower case
        self.output = "short"
        self.output_fields: list[str] | None = None
        self.lines = LINES_DEFAULT
        self.oldest = False  # the first `lines` entries, not the last
        self.reverse = False
        self.utc = False
        self.catalog = False
        self.hostname = True
        self.full = True
        self.all = False
        self.follow = False
        self.no_tail = False
        self.quiet = False
        self.pager = True
        self.pager_end = False
        self.field = ""
        self.vacuum_size: int | None = None
        self.vacuum_files: int | None = None
        self.vacuum_time: int | None = None
