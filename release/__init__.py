"""What a release consists of: `make dist` builds it, and tries each part in a fresh container (docs/install.md).

Nothing of this is installed: the installer itself is `systemctl_replacement.image`.
"""
