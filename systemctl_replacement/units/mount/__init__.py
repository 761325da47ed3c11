"""Mounts (systemd.mount(5)): what the kernel has mounted, and having it mount and unmount by mount(8) and umount(8)."""
