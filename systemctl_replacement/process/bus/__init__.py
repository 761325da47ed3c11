"""The process that speaks to the system bus for the manager, which never does so itself."""
