"""The loop that runs the machines: loading, jobs, clocks, PID 1's duties, halt."""
