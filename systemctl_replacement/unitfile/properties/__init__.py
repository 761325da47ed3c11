"""The properties that `systemctl show` prints: their order, kinds and values."""
