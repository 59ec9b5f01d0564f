"""Cross-account attachments: what an account lets other accounts' accelerators use.

Who may use what is looked up when an endpoint is added. When a permission is taken back, whatever
was added by it is removed from its endpoint group, as if its user had done so.
"""

from collections.abc import Iterable

import msgspec

from antipodes.edge.globalaccelerator.errors import denied, invalid
from antipodes.edge.globalaccelerator.model import (
    Accelerator,
    Attachment,
    Group,
    Listener,
    is_attachment,
    parse_attachment,
)
from antipodes.service.records import Records


class Lending:
    """All accounts' attachments."""

    def __init__(self, attachments: Records[Attachment]) -> None:
        self._attachments = attachments

    def check(self, accelerator: Accelerator, owner: str, resource: str, arn: str) -> None:
        """Refuse a resource of somebody who does not lend it."""
        if not arn:
            raise denied(f"{resource} belongs to another account, and no attachment is named")
        if not is_attachment(arn):
            raise invalid(f"{arn} is not the ARN of a cross-account attachment")
        account, attachment_id = parse_attachment(arn)
        found = self._attachments.get(account, attachment_id)
        if account != owner or found is None or not is_lent(found, accelerator, resource):
            raise denied(f"{arn} does not give permission to use {resource}")

    def cidrs(self, account: str, arn: str) -> list[tuple[str, str]]:
        """The address ranges that others lend to an accelerator: (owner, CIDR)."""
        return [
            (found.account, cidr)
            for _, _, found in self._attachments.all()
            if found.admits(account, arn)
            for _, _, cidr in found.resources
            if cidr
        ]


def is_lent(attachment: Attachment, accelerator: Accelerator, resource: str) -> bool:
    """Whether an accelerator may use a resource by an attachment."""
    return attachment.admits(accelerator.account, accelerator.arn) and attachment.lends(resource)


def revoked(
    accelerators: Iterable[Accelerator], arn: str, attachment: Attachment | None
) -> list[Accelerator]:
    """The accelerators that lose something by a change of an attachment, as they are without it."""
    changed = []
    for accelerator in accelerators:
        kept = _kept(accelerator, arn, attachment)
        if kept != accelerator:
            changed.append(kept)
    return changed


def _kept(accelerator: Accelerator, arn: str, attachment: Attachment | None) -> Accelerator:
    def stays(name: str, by: str) -> bool:
        return by != arn or (attachment is not None and is_lent(attachment, accelerator, name))

    def kept_group(group: Group) -> Group:
        return msgspec.structs.replace(
            group,
            endpoints=tuple(e for e in group.endpoints if stays(e.arn, e.attachment)),
            subnets=tuple(s for s in group.subnets if stays(s.id, s.attachment)),
        )

    def kept_listener(listener: Listener) -> Listener:
        groups = tuple(kept_group(group) for group in listener.groups)
        return msgspec.structs.replace(listener, groups=groups)

    listeners = tuple(kept_listener(listener) for listener in accelerator.listeners)
    return msgspec.structs.replace(accelerator, listeners=listeners)
