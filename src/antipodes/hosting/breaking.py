"""What can be broken in this world: faults as people write them, checked before they are installed.

The world knows places and links; which services have a control plane, and where, is known to those
who host them. `antipodes break`, the doors, drills and tests all come here with their faults.
"""

from antipodes.hosting.catalogue import SERVICES
from antipodes.service.planes import DATA_PLANES, HOMES
from antipodes.world import faults
from antipodes.world.errors import InvalidFault
from antipodes.world.faults import ControlPlane, Fault


def fault_of(plain: object) -> Fault:
    """Return the fault that a plain dictionary describes. Raises InvalidFault."""
    fault = faults.from_dict(plain)
    if isinstance(fault, ControlPlane):
        _check_control_plane(fault)
    return fault


def _check_control_plane(fault: ControlPlane) -> None:
    service = fault.service
    if service not in SERVICES:
        known = ", ".join(sorted(name for name in SERVICES if name not in DATA_PLANES))
        raise InvalidFault(f"service: there is no {service} here; one of {known}")
    if service in DATA_PLANES:
        raise InvalidFault(f"service: {service} has no control plane, only a data plane")
    home = HOMES.get(service, "")
    if home and fault.region and fault.region != home:
        raise InvalidFault(f"region: the control plane of {service} is in {home} only")
