"""From text to typed settings: syntax, values, the directive table, the load path, drop-ins."""
