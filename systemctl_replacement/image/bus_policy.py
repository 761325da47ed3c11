"""What the configuration of the D-Bus system bus has to permit, so that it can have units started (dbus-daemon(1)).

The package systemd brings the like. Where it is missing only this does: without it nobody may own the name that the bus
asks to start units, and whoever asks the bus for such a unit waits until it gives up.
"""

from __future__ import annotations

# Others than root are refused by the bus itself, which lets nobody send method calls unless told to.
TEXT = """\
<?xml version="1.0"?>
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<!-- Installed by systemctl-replacement: `systemctl init` starts units for the bus (SystemdService=). -->
<busconfig>
  <policy user="root">
    <allow own="org.freedesktop.systemd1"/>
    <allow send_destination="org.freedesktop.systemd1"/>
    <allow receive_sender="org.freedesktop.systemd1"/>
    <allow receive_interface="org.freedesktop.systemd1.Activator" receive_member="ActivationRequest"/>
  </policy>
</busconfig>
"""
