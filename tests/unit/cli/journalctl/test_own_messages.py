"""Our own explanations: of each message that has an id, and with the fields that it has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from systemctl_replacement import cli, message_ids
from systemctl_replacement.cli.journalctl.catalog import parse

IDS = {name: value for name, value in vars(message_ids).items() if name.isupper()}
CATALOG = Path(cli.__file__).parent / "journalctl/messages.catalog"
TEXTS = {identifier: text for identifier, _language, text in parse(CATALOG.read_text(encoding="utf-8"))}

OF_JOB = {"UNIT", "JOB_ID"}
OF_END = {"UNIT", "JOB_ID", "JOB_RESULT"}
FIELDS = {
    "UNIT_STARTING": OF_JOB,
    "UNIT_STOPPING": OF_JOB,
    "UNIT_RELOADING": OF_JOB,
    "UNIT_STARTED": OF_END,
    "UNIT_FAILED": OF_END,
    "UNIT_STOPPED": OF_END,
    "UNIT_RELOADED": OF_END,
    "UNIT_RESTART_SCHEDULED": {"UNIT", "N_RESTARTS"},
    "UNIT_SUCCESS": {"UNIT"},
    "UNIT_FAILURE_RESULT": {"UNIT", "UNIT_RESULT"},
    "UNIT_SKIPPED": {"UNIT"},
    "UNIT_PROCESS_EXIT": {"UNIT", "EXIT_CODE", "EXIT_STATUS"},
    "SPAWN_FAILED": {"UNIT", "EXECUTABLE"},
    "INVALID_CONFIGURATION": {"CONFIG_FILE", "CONFIG_LINE"},
    "STARTUP_FINISHED": {"USERSPACE_USEC"},
}


def test_each_message_is_explained_and_nothing_else() -> None:
    assert set(TEXTS) == set(IDS.values())
    assert set(FIELDS) == set(IDS)


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_an_explanation_has_what_it_takes(name: str) -> None:
    text = TEXTS[IDS[name]]
    header, _, body = text.partition("\n\n")
    assert re.fullmatch(r"Subject: .+\nDefined-By: systemctl-replacement\nDocumentation: man:\S+\(\d\)", header)
    assert set(re.findall(r"@(\w+)@", text)) <= FIELDS[name]
    assert body and all(len(line) <= 80 for line in body.split("\n"))
