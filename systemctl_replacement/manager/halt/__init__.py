"""The halt: its order and time, whom it signals, what it tells, and its exit status (docs/container.md)."""
