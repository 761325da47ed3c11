"""What a process is kept from and who it runs as: one module per means. systemd.exec(5)."""
