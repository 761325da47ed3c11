"""Running a unit's commands, whatever its kind: one after the other, recording each, killing what is left behind.

Services are built on it; sockets, mounts and swaps are to be.
"""
