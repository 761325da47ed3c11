"""Descriptors, clocks and watched paths that units' machines have asked for."""
