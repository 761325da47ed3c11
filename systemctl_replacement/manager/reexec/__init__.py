"""Another program goes on where this one was: daemon-reexec, and an init that takes over from a manager on demand."""
