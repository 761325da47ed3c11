"""syslog(3)'s log levels: the numbers that records carry, and the names that options and properties use."""

from __future__ import annotations

LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG = range(8)

NAMES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
"""By number."""
