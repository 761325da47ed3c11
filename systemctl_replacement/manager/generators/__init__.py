"""Generators (systemd.generator(7)), and the one that is ours."""
