"""Which addresses exclude each other."""

from __future__ import annotations

import pytest

from systemctl_replacement.check.addresses import address, exclude


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (("ListenStream", "80"), ("ListenStream", "80"), True),
        (("ListenStream", "80"), ("ListenStream", "[::]:80%lo"), True),
        (("ListenStream", "80"), ("ListenStream", "81"), False),
        (("ListenStream", "80"), ("ListenDatagram", "80"), False),
        (("ListenStream", "80"), ("ListenStream", "127.0.0.1:80"), True),
        (("ListenStream", "80"), ("ListenStream", "[::1]:80"), True),
        (("ListenStream", "[::]:80"), ("ListenStream", "80"), True),
        (("ListenStream", "0.0.0.0:80"), ("ListenStream", "10.0.0.1:80"), True),
        (("ListenStream", "0.0.0.0:80"), ("ListenStream", "[::1]:80"), False),
        (("ListenStream", "10.0.0.2:80"), ("ListenStream", "10.0.0.1:80"), False),
        (("ListenStream", "80", "", True), ("ListenStream", "0.0.0.0:80"), False),
        (("ListenStream", "80", "", True), ("ListenStream", "[::1]:80"), True),
        (("ListenStream", "80"), ("ListenStream", "80", "sctp"), False),
        (("ListenStream", "/run/a"), ("ListenDatagram", "/run/a"), True),
        (("ListenStream", "/run/a"), ("ListenStream", "/run/b"), False),
        (("ListenStream", "@a"), ("ListenStream", "@a"), True),
        (("ListenFIFO", "/run/a"), ("ListenFIFO", "/run/a"), True),
        (("ListenStream", "vsock:2:80"), ("ListenStream", "80"), False),
        (("ListenNetlink", "audit 1"), ("ListenNetlink", "audit 0"), False),
    ],
)
def test_exclude(one: tuple[str, str], other: tuple[str, str], expected: bool) -> None:
    assert exclude(address(*one), address(*other)) == expected
    assert exclude(address(*other), address(*one)) == expected
