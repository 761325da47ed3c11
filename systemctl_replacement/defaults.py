"""What processes of units get that ask for nothing else, and where they keep what is theirs alone, for whoever gives it
and whoever shows it. A leaf: supervisors import it."""

from __future__ import annotations

SEARCH_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""$PATH where the image keeps /bin and /usr/bin apart or not alike (systemd.exec(5))."""
NOFILE_SOFT, NOFILE_HARD = 1024, 524288
"""systemd raises the soft limit of no service: programs that use select(2) break above 1024 descriptors."""
PRIVATE = "private"
"""The directory below /run, /var/lib and the like where DynamicUser= keeps what outlives its user (systemd.exec(5))."""
