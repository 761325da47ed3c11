"""The exception for installations that fail on purpose."""

from __future__ import annotations


class ImageError(Exception):
    """The image, or what must go into it, does not allow the installation. The text says why."""
