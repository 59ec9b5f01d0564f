"""Which region a request is for: the one in its signature's credential scope."""

import re

_SCOPE = re.compile(
    rb"Credential=[^/\s,&]+?(?:/|%2F)\d{8}(?:/|%2F)([a-z0-9-]+)(?:/|%2F)([a-z0-9-]+)"
)

# Services with one endpoint for all regions are signed for, or belong to, their home.
_HOMES = {b"iam": "us-east-1", b"route53": "us-east-1", b"cloudfront": "us-east-1"}


def region_of(head: bytes) -> str:
    """The region of a request's head (or of its Authorization header); empty if it is unsigned."""
    scope = _SCOPE.search(head)
    if scope is None:
        return ""
    return _HOMES.get(scope.group(2)) or scope.group(1).decode()
