"""Ours beside real systemd, and beside small inits where a figure makes sense, in one run.

`python -m benchmarks` (`make bench`) boots boxes like the tests and measures the subjects in turn, round by round, so
that a machine that slows down slows down all of them. It writes `benchmarks/results.md`. Nothing is asserted.
"""
