"""The control protocol: server, client, interface descriptions."""
