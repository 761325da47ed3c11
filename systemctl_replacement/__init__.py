"""A service manager for containers that reads systemd's unit files and speaks systemctl's command line."""

__version__ = "0.1.0"

# What is compiled in, as systemd tells it: programs ask for it by `systemctl --version` and the property Features.
FEATURES = "-PAM -AUDIT -SELINUX -APPARMOR -SECCOMP -KMOD default-hierarchy=none"
