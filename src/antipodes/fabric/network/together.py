"""One topology of what several have told of their own parts."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from antipodes.fabric.network.topology import Site, Topology


def together(told: Iterable[Mapping[str, Any]]) -> Topology:
    """One topology of what regions have told, as plain data."""
    parts = [msgspec.convert(one, Topology) for one in told]
    fields: dict[str, dict[str, Any]] = {name: {} for name in Topology.__struct_fields__}
    for part in parts:
        for name, found in fields.items():
            found.update(getattr(part, name))
    fields["sites"] = {}
    for site in (site for part in parts for site in part.sites.values()):
        fields["sites"][site.id] = _joined(fields["sites"].get(site.id), site)
    return Topology(**fields)


def _joined(known: Site | None, more: Site) -> Site:
    """A site of which several regions know, each its own part."""
    if known is None:
        return more
    return msgspec.structs.replace(
        known,
        prefixes=tuple(dict.fromkeys((*known.prefixes, *more.prefixes))),
        routes=(*known.routes, *more.routes),
        routers=(*known.routers, *more.routers),
    )
