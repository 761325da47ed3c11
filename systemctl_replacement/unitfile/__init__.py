"""From text to typed settings: syntax, values, the directive table, load path, drop-ins, [Install]."""
