"""A service manager for containers that reads systemd's unit files and understands systemctl's command line."""

__version__ = "0.1.0"

# What is compiled in, in systemd's format: programs look at `systemctl --version` and the property Features.
FEATURES = "-PAM -AUDIT -SELINUX -APPARMOR -SECCOMP -KMOD default-hierarchy=none"
