"""A service manager for containers that reads systemd's unit files and speaks systemctl's command line."""

__version__ = "0.1.0"
