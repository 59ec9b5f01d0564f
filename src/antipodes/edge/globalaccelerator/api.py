"""Global Accelerator as its home region runs it: the service with all of its operations."""

from antipodes.edge.globalaccelerator import (
    acceleratorapi,
    attachmentapi,
    customapi,
    groupapi,
    listenerapi,
    mappingapi,
    rangeapi,
    tagapi,
)
from antipodes.edge.globalaccelerator.service import GlobalAccelerator

__all__ = [
    "GlobalAccelerator",
    "acceleratorapi",
    "attachmentapi",
    "customapi",
    "groupapi",
    "listenerapi",
    "mappingapi",
    "rangeapi",
    "tagapi",
]
