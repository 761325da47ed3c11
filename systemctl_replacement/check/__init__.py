"""What a boot of an image would meet, told from its files alone: for `systemctl init --check`."""
