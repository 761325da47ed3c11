"""What a container's engine tells the manager, and is told by it."""
