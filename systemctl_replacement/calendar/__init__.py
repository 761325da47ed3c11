"""Calendar events: `Mon..Fri *-*-* 08:00`, what they mean and when they come next (systemd.time(7))."""
