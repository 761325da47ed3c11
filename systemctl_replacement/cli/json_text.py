"""The JSON forms of --output=: json, json-pretty, json-sse, json-seq, as systemd's tools write them."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def json_text(value: Any, mode: str) -> str:
    """A value as text without the final newline. `mode` is the value of --output=."""
    if mode == "json-pretty":
        return json.dumps(value, indent="\t", separators=(",", " : "), ensure_ascii=False)
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if mode == "json-sse":  # an event of https://html.spec.whatwg.org/multipage/server-sent-events.html
        return f"data: {text}\n"
    return f"\x1e{text}" if mode == "json-seq" else text  # RFC 7464
