"""Network Firewall's API, 2020-11-12, as a host runs it: the service with its operations."""

import msgspec

from antipodes.regional.networkfirewall import firewallapi, groupapi, model, policyapi
from antipodes.regional.networkfirewall.service import NetworkFirewall, operations, page
from antipodes.service.contract import Call, Request, Response

__all__ = ["NetworkFirewall", "firewallapi", "groupapi", "policyapi"]

replace = msgspec.structs.replace


# Tags.


@operations("TagResource")
def tag_resource(service: NetworkFirewall, call: Call, request: Request) -> Response:
    found = service.tagged(call, request["ResourceArn"])
    service.put(replace(found, tags=model.tags_given(found.tags, request["Tags"])))
    return {}


@operations("UntagResource")
def untag_resource(service: NetworkFirewall, call: Call, request: Request) -> Response:
    found = service.tagged(call, request["ResourceArn"])
    gone = request["TagKeys"]
    tags = {key: value for key, value in found.tags.items() if key not in gone}
    service.put(replace(found, tags=tags))
    return {}


@operations("ListTagsForResource")
def list_tags_for_resource(service: NetworkFirewall, call: Call, request: Request) -> Response:
    found = service.tagged(call, request["ResourceArn"])
    shown: list[Response] = [*model.shown_tags(found.tags)]
    return page(shown, request, "Tags")
