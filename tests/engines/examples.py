"""The examples that are built here. The others need a registry."""

from __future__ import annotations

import functools

from tests.box import rootfs
from tests.engines import dockerfile
from tests.engines.dockerfile import Image

EXAMPLES = rootfs.REPOSITORY / "examples"


@functools.cache
def images() -> dict[str, Image]:
    """The images by their names. The second one builds on the first, as its FROM says."""
    web = dockerfile.build(EXAMPLES / "debian/Dockerfile", Image(tuple(rootfs.layers())))
    return {"web": web, "web-openshift": dockerfile.build(EXAMPLES / "openshift/Dockerfile", web)}


if __name__ == "__main__":
    print(f"==> the examples' images: {', '.join(images())}")
