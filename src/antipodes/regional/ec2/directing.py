"""What Direct Connect attaches to transit gateways: its own gateways, by their associations."""

import msgspec

from antipodes.regional.ec2 import hubs
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.hubroutes import DIRECT
from antipodes.regional.ec2.modelhubs import HubAttachment


def attach(estate: Estate, account: str) -> None:
    """Attach what is associated by now, and take away what is not any more."""
    joined = estate.lines.joined(account)
    known = {
        (one.hub, one.of): one for one in estate.attachments.list(account) if one.kind == DIRECT
    }
    wanted = {(one.gateway, one.via): None for one in joined}
    for pair, one in known.items():
        if pair not in wanted:
            hubs.end_attachment(estate, one, hubs.DELETED)
    for name, via in wanted:
        hub = estate.hubs.find(account, name)
        if hub is not None and (name, via) not in known:
            made = HubAttachment(
                *(estate.attachments.new_id(), account, name, DIRECT, via, hub.attached + 1),
                made_at=estate.host.runtime.wall(),
            )
            estate.hubs.put(account, name, msgspec.structs.replace(hub, attached=made.number))
            hubs.start(estate, made)
