"""What arrives from the bus, cut into messages. What nobody will look at is neither collected nor parsed.

Everybody on the bus may send us signals of 32 MiB, and parsing such a message takes a minute. What matters is the bus's
own, and that is short; of what others ask, an answer needs the header alone.
"""

from __future__ import annotations

import struct

from jeepney import Header, HeaderFields, Message, MessageFlag, MessageType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

BUS = "org.freedesktop.DBus"

# The fixed part of a header: byte order, type, flags, version, length of the body, serial, length of the fields.
_FIXED = {order: struct.Struct(f"{sign}cBBBIII") for order, sign in ((ord("l"), "<"), (ord("B"), ">"))}
_OTHER_ORDER = _FIXED[ord("B")]

# Longer fields have only paths that nobody has here, and only strangers send them; nor has the bus more to say.
_MOST_FIELDS, _MOST_BODY = 1 << 11, 1 << 16

# Field 7, a variant of a string, in the byte order of this machine, as the bus writes it.
_SENDER_IS_BUS = b"\x07\x01s\0" + struct.pack("=I", len(BUS)) + BUS.encode() + b"\0"


class Incoming:
    """A queue of bytes."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._to_skip = 0

    def add(self, data: bytes) -> None:
        """More has arrived."""
        skipped = min(self._to_skip, len(data))
        self._to_skip -= skipped
        self._bytes += memoryview(data)[skipped:]

    def take(self) -> Iterator[Message | Exception]:
        """The messages of the bus, and what others ask, without its arguments; an exception: one could not be read."""
        while len(self._bytes) >= _OTHER_ORDER.size:
            fixed = _FIXED.get(self._bytes[0], _OTHER_ORDER)
            _order, kind, flags, _version, body, _serial, fields = fixed.unpack_from(self._bytes)
            head = fixed.size + fields + -fields % 8
            if fields <= _MOST_FIELDS:
                if len(self._bytes) < head:
                    return
                if _SENDER_IS_BUS in self._bytes[:head] and body <= _MOST_BODY:
                    if len(self._bytes) < head + body:
                        return
                    yield from _read(bytes(self._bytes[: head + body]))
                elif kind == MessageType.method_call.value and not flags & MessageFlag.no_reply_expected:
                    yield from _read(bytes(self._bytes[:head]))
            self._drop(head + body)

    def _drop(self, size: int) -> None:
        self._to_skip = max(size - len(self._bytes), 0)
        del self._bytes[:size]


def _read(data: bytes) -> Iterator[Message | Exception]:
    try:
        header, _ = Header.from_buffer(data)
        if header.fields.get(HeaderFields.sender) == BUS:  # which nobody else can claim to be
            yield Message.from_buffer(data)
        elif header.message_type is MessageType.method_call:
            yield Message(header, ())
    except Exception as error:  # of one message, whose beginning and end the bus vouches for
        yield error
