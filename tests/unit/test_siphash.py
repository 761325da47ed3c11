"""SipHash-2-4, against its authors' test vectors and user ids that systemd 252 has picked."""

from __future__ import annotations

import pytest

from systemctl_replacement.process.sandbox.dynamic_user import FIRST, LAST, _candidates
from systemctl_replacement.siphash import siphash24

# From the reference implementation: the hash of bytes 0, 1 … length - 1 under the key 0 … 15.
VECTORS = {0: 0x726FDB47DD0E0E31, 1: 0x74F839C593DC67FD, 7: 0xAB0200F58B01D137, 15: 0xA129CA6149BE45E5}
USERS = {"foo": 63016, "bar": 63096, "a": 63801, "UPper": 61331, "redis-x": 62437, "_du3249f22e6eed68b8": 63369}


@pytest.mark.parametrize("length", VECTORS)
def test_vectors(length: int) -> None:
    assert siphash24(bytes(range(length)), bytes(range(16))) == VECTORS[length]


@pytest.mark.parametrize("name", USERS)
def test_users(name: str) -> None:
    first, *others = _candidates(name, ["/"])  # not by a user of ours
    assert first == USERS[name]
    assert others
    assert all(FIRST <= other <= LAST for other in others)
