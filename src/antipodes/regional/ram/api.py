"""Resource Access Manager as a host runs it: the service with all of its operations."""

from antipodes.regional.ram import associationapi, invitationapi, listapi, shareapi
from antipodes.regional.ram.service import Ram

__all__ = ["Ram", "associationapi", "invitationapi", "listapi", "shareapi"]
