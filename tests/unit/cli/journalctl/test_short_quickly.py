"""What is known from the entries before changes nothing in how an entry is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement.cli.journalctl.output.settings import OutputSettings
from systemctl_replacement.cli.journalctl.output.short import Short
from systemctl_replacement.journal import record
from systemctl_replacement.journal.entry import Entry

NAMES = (
    "_HOSTNAME", "SYSLOG_IDENTIFIER", "_PID", "SYSLOG_PID", "_COMM", "_SYSTEMD_UNIT", "_SYSTEMD_USER_UNIT",
    "_SOURCE_REALTIME_TIMESTAMP", "__SEQNUM", "DOCUMENTATION", "MESSAGE",
)  # fmt: skip
VALUES = st.sampled_from(["a", "7", "1000000", "", 'a"b', "a\\", "ü", "a\nb", "\t", "\x1b[0m", b"\xff", '"MESSAGE":"x'])
RECORDS = st.tuples(
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6), VALUES, st.integers(0, 2**41), st.booleans()
)


@given(
    records=st.lists(RECORDS, min_size=1, max_size=6),
    mode=st.sampled_from(["short", "short-iso", "short-full", "short-unix", "with-unit"]),
    hostname=st.booleans(),
    everything=st.booleans(),
)
def test_the_same_with_and_without_what_is_known(
    records: list[tuple[dict[str, str | bytes], str | bytes, int, bool]], mode: str, hostname: bool, everything: bool
) -> None:
    settings = OutputSettings(mode=mode, utc=True, hostname=hostname, all=everything)
    quick = Short(settings)
    for fields, message, usec, is_last in records * 2:
        mapping: dict[str, record.Value] = {name: value for name, value in fields.items() if name != "__SEQNUM"}
        if is_last:
            mapping.pop("MESSAGE", None)
            mapping["MESSAGE"] = message
        line = record.encode(mapping, (usec, usec), 0 if "__SEQNUM" in fields else 5)[:-1]
        assert quick.format(Entry(line, "0" * 32)) == Short(settings)._formatted(Entry(line, "0" * 32), b"")


def test_a_second_line_of_a_sender_is_not_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = OutputSettings(utc=True)
    output = Short(settings)
    fields: dict[str, record.Value] = {"_PID": "7", "SYSLOG_IDENTIFIER": "a", "MESSAGE": "one"}
    assert (
        output.format(Entry(record.encode(fields, (1_000_000, 5), 1)[:-1], "0" * 32)) == b"Jan 01 00:00:01 a[7]: one\n"
    )
    monkeypatch.setattr(output, "_formatted", None)
    fields["MESSAGE"] = "two"
    assert (
        output.format(Entry(record.encode(fields, (2_000_000, 6), 2)[:-1], "0" * 32)) == b"Jan 01 00:00:02 a[7]: two\n"
    )
