"""The table of every directive, a module per section of systemd's manual pages."""
