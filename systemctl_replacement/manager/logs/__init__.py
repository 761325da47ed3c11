"""What programs log through: the sockets of the log, the process that reads them, and what that has to know."""
