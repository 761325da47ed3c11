"""journald.conf: every setting, and what journald says of wrong values."""

from __future__ import annotations

from pathlib import Path

from systemctl_replacement.records import fields
from systemctl_replacement.unitfile.journal_config import JournalConfig, Limits, read_journal_config

# As `systemd-journald` of systemd 252 complains about it on stderr.
WRONG = """[Journal]
Storage=foo
RateLimitBurst=abc
RateLimitBurst=-1
RateLimitBurst=5000000000
RateLimitBurst=
RateLimitIntervalSec=xx
RateLimitIntervalSec=
SyncIntervalSec=zz
SystemMaxUse=12Q
SystemMaxUse=
SystemMaxUse=infinity
SystemMaxFiles=-1
SystemMaxFiles=
MaxRetentionSec=qq
MaxFileSec=0
ForwardToSyslog=maybe
ForwardToConsole=
MaxLevelStore=nine
MaxLevelStore=9
MaxLevelStore=
LineMax=3
LineMax=
LineMax=0
LineMax=x
LineMax=200M
LineMax=99999999999G
SplitMode=no
Audit=maybe
Audit=
Compress=zz
Compress=
TTYPath=foo
ReadKMsg=p
Foo=1
X-Foo=2
MaxLevelConsole=notice
Storage=
SystemMaxFileSize=
Storage
[Other]
x=y
"""
COMPLAINTS = """2: Failed to parse storage setting, ignoring: foo
3: Failed to parse unsigned value, ignoring: abc
4: Failed to parse unsigned value, ignoring: -1
5: Failed to parse unsigned value, ignoring: 5000000000
6: Failed to parse unsigned value, ignoring: |
7: Failed to parse sec value, ignoring: xx
8: Failed to parse sec value, ignoring: |
9: Failed to parse sec value, ignoring: zz
10: Failed to parse size value, ignoring: 12Q
11: Failed to parse size value, ignoring: |
12: Failed to parse size value, ignoring: infinity
13: Failed to parse uint64 value, ignoring: -1
14: Failed to parse uint64 value, ignoring: |
15: Failed to parse sec value, ignoring: qq
17: Failed to parse boolean value, ignoring: maybe
18: Failed to parse boolean value, ignoring: |
19: Failed to parse log level, ignoring: nine
20: Failed to parse log level, ignoring: 9
21: Failed to parse log level, ignoring: |
22: LineMax= too small, clamping to 79: 3
24: LineMax= too small, clamping to 79: 0
25: Failed to parse LineMax= value, ignoring: x
27: Failed to parse LineMax= value, ignoring: 99999999999G
28: Failed to parse split mode setting, ignoring: no
29: Failed to parse boolean value for Audit=, ignoring: maybe
31: Failed to parse Compress= value, ignoring: zz
33: TTYPath= path is not absolute, ignoring: foo
34: Failed to parse boolean value, ignoring: p
35: Unknown key 'Foo' in section [Journal], ignoring.
38: Failed to parse storage setting, ignoring: |
39: Failed to parse size value, ignoring: |
40: Missing '=', ignoring line.
41: Unknown section 'Other'. Ignoring.
""".replace("|", "")


def read(directory: Path, text: str, name: str = "journald.conf") -> JournalConfig:
    path = directory / "etc/systemd" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return read_journal_config(str(directory))


def test_nothing_is_said(tmp_path: Path) -> None:
    config = read_journal_config(str(tmp_path))
    assert config == JournalConfig()
    assert (config.max_file_age, config.max_retention, config.line_max) == (2629800 * 10**6, 0, 49152)
    assert config.forward_to_syslog and config.forward_to_console is None


def test_wrong_values_are_told_in_the_words_of_journald(tmp_path: Path) -> None:
    config = read(tmp_path, WRONG)
    path = f"{tmp_path}/etc/systemd/journald.conf:"
    # What is no assignment is told first.
    told = sorted(config.problems, key=lambda problem: problem.line)
    assert [str(problem).removeprefix(path) for problem in told] == COMPLAINTS.splitlines()
    # What was right among them counts.
    assert (config.line_max, config.max_level_console, config.max_file_age) == (200 << 20, 5, 0)
    assert (config.storage, config.rate_limit_burst, config.system) == ("auto", None, Limits())


def test_every_setting(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        "[Journal]\nStorage=volatile\nSystemMaxUse=50M\nSystemKeepFree=1G\nSystemMaxFileSize=1M\nSystemMaxFiles=3\n"
        "RuntimeMaxUse=5M\nRuntimeKeepFree=0\nRuntimeMaxFileSize=2M\nRuntimeMaxFiles=0\nMaxRetentionSec=1week\n"
        "MaxFileSec=1d\nRateLimitIntervalSec=10\nRateLimitBurst=5\nForwardToSyslog=no\nForwardToConsole=yes\n"
        "MaxLevelStore=notice\nMaxLevelSyslog=3\nMaxLevelConsole=err\nLineMax=1K\n",
    )
    assert not config.problems and [path for path, _ in config.stamps] == [f"{tmp_path}/etc/systemd/journald.conf"]
    unset = JournalConfig()
    for field in fields(JournalConfig):
        if field.name not in ("problems", "ignored"):
            assert getattr(config, field.name) != getattr(unset, field.name), field.name
    assert config.system == Limits(50 << 20, 1 << 30, 1 << 20, 3)
    assert config.runtime == Limits(5 << 20, 0, 2 << 20, 0)
    assert (config.rate_limit_interval, config.rate_limit_burst, config.max_level_syslog) == (10_000_000, 5, 3)


def test_drop_ins_come_later_and_the_old_name_of_a_limit_counts(tmp_path: Path) -> None:
    read(tmp_path, "[Journal]\nSystemMaxUse=50M\nRateLimitInterval=1\n")
    config = read(tmp_path, "[Journal]\nSystemMaxUse=8M\nStorage=none\n", "journald.conf.d/a.conf")
    assert (config.system.max_use, config.rate_limit_interval, config.storage) == (8 << 20, 1_000_000, "none")


def test_what_is_asked_for_and_there_is_not(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        "[Journal]\nSeal=yes\nSplitMode=login\nCompress=1K\nReadKMsg=no\nForwardToWall=yes\nForwardToKMsg=no\n"
        "TTYPath=/dev/tty1\nAudit=\nMaxLevelWall=info\nSyncIntervalSec=1\n",
    )
    assert not config.problems
    assert config.ignored == ("Seal", "ForwardToWall", "TTYPath")
