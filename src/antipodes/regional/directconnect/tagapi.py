"""Direct Connect's operations on tags."""

from typing import Any

from antipodes.regional.directconnect import model, tags
from antipodes.regional.directconnect.service import DirectConnect, Table, operations, refused
from antipodes.service.contract import Call, Request, Response


def _named(service: DirectConnect, call: Call, arn: str) -> tuple[Table[Any], model.Record]:
    """What an ARN names, and where it is kept."""
    tables: dict[str, Table[Any]] = {
        "dxcon": service.connections,
        "dxvif": service.interfaces,
        "dx-gateway": service.gateways,
    }
    kind, _, name = arn.rpartition(":")[2].partition("/")
    table = tables.get(kind)
    if table is None:
        raise refused(f"{arn} is the ARN of nothing that has tags.")
    return table, table.find(call.account, name)


@operations("TagResource")
def tag_resource(service: DirectConnect, call: Call, request: Request) -> Response:
    table, had = _named(service, call, request["resourceArn"])
    pairs = dict(had.tags) | dict(tags.given(request["tags"]))
    tags.check_number(pairs.items())
    table.keep(model.changed(had, tags=tuple(sorted(pairs.items()))))
    return {}


@operations("UntagResource")
def untag_resource(service: DirectConnect, call: Call, request: Request) -> Response:
    table, had = _named(service, call, request["resourceArn"])
    kept = tuple(one for one in had.tags if one[0] not in request["tagKeys"])
    table.keep(model.changed(had, tags=kept))
    return {}


@operations("DescribeTags")
def describe_tags(service: DirectConnect, call: Call, request: Request) -> Response:
    found = [
        {"resourceArn": arn, "tags": tags.shown(_named(service, call, arn)[1].tags)}
        for arn in request["resourceArns"]
    ]
    return {"resourceTags": found}
