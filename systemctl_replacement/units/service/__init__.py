"""The service: what each event means in each state (systemd.service(5); docs/states.md)."""
