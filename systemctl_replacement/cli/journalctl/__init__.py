"""journalctl: what programs and units have logged. See journalctl(1)."""
