"""Sockets: they listen in place of a service, and start it when somebody wants something (systemd.socket(5))."""
