"""What processes get if their unit asks for nothing else: for the code that applies it, and the code that shows it.

Supervisors import this.
"""

from __future__ import annotations

SEARCH_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""$PATH in images where /bin and /usr/bin differ (systemd.exec(5))."""
NOFILE_SOFT, NOFILE_HARD = 1024, 524288
"""systemd does not raise the soft limit of services: programs that use select(2) break above 1024 descriptors."""
PRIVATE = "private"
"""The directory in /run, /var/lib and the like where DynamicUser= keeps what outlives its user (systemd.exec(5))."""
