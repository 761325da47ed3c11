"""Ours against real systemd, and against small inits where a figure makes sense, side by side in one run.

`python -m benchmarks` (`make bench`) boots boxes as the tests do, measures each subject in turn, round after round, so
that a machine that slows down slows all of them, and writes `benchmarks/results.md`. Nothing is asserted.
"""
