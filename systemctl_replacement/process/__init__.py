"""The one place that forks, execs, waits and signals."""
