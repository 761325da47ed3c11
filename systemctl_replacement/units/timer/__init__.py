"""Timers (systemd.timer(5)): units that start another one when its time has come."""
