"""Putting it into an image."""
