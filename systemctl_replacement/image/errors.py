"""The one way in which an installation fails on purpose."""

from __future__ import annotations


class ImageError(Exception):
    """Something about the image, or what we have to put into it, prevents the installation: the text says what."""
