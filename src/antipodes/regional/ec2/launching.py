"""What RunInstances asks for, and how much of it there is room for.

Either the request says itself where an instance is to be, or its specifications of interfaces do,
one for each device. As many instances are made as there are addresses for, from the least number
that is asked for to the most.

Source: Amazon EC2 API Reference, RunInstances; EC2 User Guide, "Multiple network interfaces".
"""

import re
from collections.abc import Iterator

import msgspec

from antipodes.regional.ec2.addresswishes import wishes
from antipodes.regional.ec2.answering import not_offered
from antipodes.regional.ec2.instancetypes import DEFAULT, check_room, check_type
from antipodes.regional.ec2.interfaces import Plan, Wanted, room
from antipodes.regional.ec2.model import Attached, Instance, Interface, Subnet, Token
from antipodes.regional.ec2.service import Ec2
from antipodes.service.contract import Request, ServiceError

DATA_LENGTH_MAX = 21848  # of 16 KiB, in base64
_IMAGE = re.compile(r"ami-[0-9a-f]{8}([0-9a-f]{9})?")
_NOT_OFFERED = (
    *("BlockDeviceMappings", "KernelId", "RamdiskId", "ElasticGpuSpecification"),
    *("ElasticInferenceAccelerators", "LaunchTemplate", "InstanceMarketOptions"),
    *("CreditSpecification", "CpuOptions", "CapacityReservationSpecification"),
    *("LicenseSpecifications", "MetadataOptions", "PrivateDnsNameOptions", "MaintenanceOptions"),
    *("EnablePrimaryIpv6", "NetworkPerformanceOptions", "Operator", "SecondaryInterfaces"),
    *("AdditionalInfo", "IamInstanceProfile"),
)
_SWITCHES = (
    ("Monitoring", "Enabled"),
    ("HibernationOptions", "Configured"),
    ("EnclaveOptions", "Enabled"),
)
_PLACED_ELSEWHERE = ("Affinity", "GroupName", "GroupId", "PartitionNumber", "HostId")
_FOR_ONE_INTERFACE = (
    *("SubnetId", "SecurityGroupIds", "SecurityGroups", "PrivateIpAddress"),
    *("Ipv6Addresses", "Ipv6AddressCount"),
)
_OF_SPECIFICATIONS = ("NetworkCardIndex", "AssociateCarrierIpAddress", "PrimaryIpv6")


class Slot(msgspec.Struct, frozen=True):
    """One interface of each instance: made in a subnet, or one that is there."""

    device: int
    subnet: Subnet
    wanted: Wanted = Wanted()
    there: Interface | None = None
    ends: bool = True  # with the instance
    public: bool | None = None


class Launch(msgspec.Struct, frozen=True):
    """What is to be launched; `like` is an instance of it, without what tells several apart."""

    like: Instance
    slots: tuple[Slot, ...]
    least: int
    most: int


def launch_of(service: Ec2, account: str, request: Request, token: Token | None) -> Launch:
    """What a request asks for; refuse what cannot be."""
    _check_offered(request)
    least, most = request["MinCount"], request["MaxCount"]
    if not 1 <= least <= most:
        raise ServiceError(
            "InvalidParameterValue",
            f"Value ({least}, {most}) for parameters minCount and maxCount is invalid.",
        )
    image = request.get("ImageId")
    if not image:
        raise ServiceError("MissingParameter", "The request must contain the parameter ImageId")
    if _IMAGE.fullmatch(image) is None:
        raise ServiceError("InvalidAMIID.Malformed", f'Invalid id: "{image}" (expecting "ami-...")')
    data = request.get("UserData") or ""
    if len(data) > DATA_LENGTH_MAX:
        raise ServiceError("InvalidUserData.Malformed", "User data is limited to 16384 bytes")
    kind = check_type(request.get("InstanceType") or DEFAULT)
    slots = tuple(_slots(service, account, request))
    first = slots[0].subnet
    _check_slots(slots, kind, most)
    maps = first.maps_public_ip if slots[0].public is None else slots[0].public
    like = Instance(
        id="",
        account=account,
        reservation=service.estate.new_id("r"),
        image=image,
        type=kind,
        vpc=first.vpc,
        subnet=first.id,
        zone=first.zone,
        key=request.get("KeyName") or "",
        data=data,
        maps_public=maps and len(slots) == 1 and slots[0].there is None,
        stays=bool(request.get("DisableApiTermination")),
        runs_on=bool(request.get("DisableApiStop")),
        tenancy=(request.get("Placement") or {}).get("Tenancy") or "default",
        for_disks=bool(request.get("EbsOptimized")),
        token=token,
    )
    return Launch(like, slots, least, most)


def _check_offered(request: Request) -> None:
    not_offered(request, _NOT_OFFERED)
    for member, switch in _SWITCHES:
        if (request.get(member) or {}).get(switch):
            raise ServiceError("UnsupportedOperation", f"{member} is not offered here")
    placement = request.get("Placement") or {}
    not_offered(placement, _PLACED_ELSEWHERE)
    if placement.get("Tenancy") == "host":
        raise ServiceError("UnsupportedOperation", "Dedicated hosts are not offered here")
    if request.get("InstanceInitiatedShutdownBehavior") not in {None, "", "stop"}:
        raise ServiceError(
            "UnsupportedOperation", "No machine is started here that could shut itself down"
        )


def _slots(service: Ec2, account: str, request: Request) -> Iterator[Slot]:
    """The primary interface first."""
    specifications = request.get("NetworkInterfaces") or []
    if not specifications:
        groups = [*(request.get("SecurityGroupIds") or ())]
        subnet = _subnet(service, account, request)
        names = request.get("SecurityGroups") or []
        groups += [_group_named(service, account, subnet.vpc, name) for name in names]
        chosen = tuple(groups) if groups else None
        wanted = Wanted(groups=chosen, **wishes(request)._asdict())
        yield Slot(0, subnet, wanted)
        return
    for member in _FOR_ONE_INTERFACE:
        if request.get(member):
            raise ServiceError(
                "InvalidParameterCombination",
                f"Network interfaces and an instance-level {member} may not be specified on the "
                "same request",
            )
    found = [_specified(service, account, request, one) for one in specifications]
    yield from sorted(found, key=lambda slot: slot.device)


def _specified(service: Ec2, account: str, request: Request, of: Request) -> Slot:
    """The interface that a specification describes."""
    not_offered(of, (*_OF_SPECIFICATIONS, "EnaSrdSpecification", "EnaQueueCount"))
    if of.get("InterfaceType") not in {None, "", "interface"}:
        raise ServiceError("UnsupportedOperation", "InterfaceType is not offered here")
    device = of.get("DeviceIndex")
    if device is None or device < 0:
        raise ServiceError(
            "InvalidParameterValue", "Each network interface requires a device index."
        )
    name, public = of.get("NetworkInterfaceId"), of.get("AssociatePublicIpAddress")
    if not name:
        groups = tuple(of["Groups"]) if of.get("Groups") else None
        subnet = _subnet(service, account, {**request, "SubnetId": of.get("SubnetId")})
        ends = of.get("DeleteOnTermination")
        wanted = Wanted(
            description=of.get("Description") or "",
            groups=groups,
            **wishes(of)._asdict(),
        )
        return Slot(device, subnet, wanted, ends=ends is not False, public=public)
    for member in ("SubnetId", "Groups", "AssociatePublicIpAddress", "Description"):
        if of.get(member):
            raise ServiceError(
                "InvalidParameterCombination",
                f"A network interface may not specify a network interface ID and {member}",
            )
    there = service.interfaces.own(account, name)
    if there.attached is not None:
        raise ServiceError("InvalidNetworkInterface.InUse", f"Interface: [{name}] in use.")
    subnet = service.interfaces.subnet_of(there)
    return Slot(device, subnet, there=there, ends=bool(of.get("DeleteOnTermination")))


def _subnet(service: Ec2, account: str, request: Request) -> Subnet:
    """The subnet that a request names, or a default one, of the zone that it names."""
    placement, zones = request.get("Placement") or {}, service.region.zones
    names = placement.get("AvailabilityZone"), placement.get("AvailabilityZoneId")
    zone = next((one for one in zones if one.name == names[0] or one.id == names[1]), None)
    if any(names) and zone is None:
        raise ServiceError("InvalidParameterValue", f"Invalid availability zone: {names}")
    if request.get("SubnetId"):
        found = service.estate.subnets.usable(account, request["SubnetId"])
        if zone is not None and found.zone != zone.id:
            raise ServiceError(
                "InvalidParameterValue", f"Subnet {found.id} is not in {zone.name}, as asked for."
            )
        return found
    if not any(one.default for one in service.estate.vpcs.list(account)):
        raise ServiceError("VPCIdNotSpecified", "No default VPC for this user.")
    order = [one.id for one in zones]
    defaults = [one for one in service.estate.subnets.list(account) if one.default]
    for one in sorted(defaults, key=lambda subnet: order.index(subnet.zone)):
        if zone is None or one.zone == zone.id:
            return one
    raise ServiceError(
        "MissingInput", "No subnets found for the default VPC. Please specify a subnet."
    )


def _group_named(service: Ec2, account: str, vpc: str, name: str) -> str:
    """A group of the default network, by name."""
    if not service.estate.vpcs.usable(account, vpc).default:
        raise ServiceError(
            "InvalidParameterCombination",
            "The parameter groupName cannot be used with the parameter subnet",
        )
    for group in service.estate.groups.list(account):
        if group.vpc == vpc and group.name == name:
            return group.id
    raise ServiceError(
        "InvalidGroup.NotFound",
        f"The security group '{name}' does not exist in default VPC '{vpc}'",
    )


def _check_slots(slots: tuple[Slot, ...], kind: str, most: int) -> None:
    """Refuse interfaces that one instance cannot have, or not several."""
    devices = [slot.device for slot in slots]
    if len({*devices}) < len(devices) or 0 not in devices:
        raise ServiceError(
            "InvalidParameterValue",
            "Each network interface requires a device index of its own, and one of them is 0.",
        )
    if len({slot.subnet.zone for slot in slots}) > 1:
        raise ServiceError(
            "InvalidParameterCombination",
            "All network interfaces of an instance are in the same availability zone",
        )
    if len(slots) > 1 and any(slot.public for slot in slots):
        raise ServiceError(
            "InvalidParameterCombination",
            "The associatePublicIPAddress parameter cannot be specified when launching with "
            "multiple network interfaces.",
        )
    there = [slot.there.id for slot in slots if slot.there is not None]
    chosen = [
        slot for slot in slots if slot.wanted.address or slot.wanted.others or slot.wanted.chosen6
    ]
    if len({*there}) < len(there) or (most > 1 and (there or chosen)):
        raise ServiceError(
            "InvalidParameterCombination",
            "A network interface, and a private address, is one instance's only.",
        )
    check_room(kind, [_number(slot) for slot in slots])


def _number(slot: Slot) -> int:
    """How many addresses an interface will have, of the family of which it has more."""
    if slot.there is not None:
        return room(slot.there)
    wanted = slot.wanted
    six = len(wanted.chosen6) + (wanted.number6 or 0)
    return max(1 + len(wanted.others) + wanted.number, six)


class Launching:
    """Instances that are to be made together, with their interfaces; kept by `keep`."""

    def __init__(self, service: Ec2, launch: Launch) -> None:
        self._service = service
        self._launch = launch
        self._plan = Plan(service.interfaces, launch.like.account)
        self._public = service.elastic.free()
        self._there: list[Interface] = []
        self.made: list[Instance] = []

    def plan(self) -> None:
        """Plan as many as there is room for; raises what is short, if they are too few."""
        while len(self.made) < self._launch.most:
            before = len(self._plan.made)
            try:
                self._add(len(self.made))
            except ServiceError:
                if len(self.made) < self._launch.least:
                    raise
                del self._plan.made[before:]
                return

    def keep(self) -> list[Interface]:
        """Make what was planned; return the new interfaces."""
        self._plan.keep()
        for interface in self._there:
            self._service.interfaces.change(interface, attached=interface.attached)
        for instance in self.made:
            self._service.estate.instances.put(instance.account, instance.id, instance)
        return self._plan.made

    def _add(self, index: int) -> None:
        estate, like, slots = self._service.estate, self._launch.like, self._launch.slots
        now, name = estate.host.runtime.wall(), estate.instances.new_id()
        for slot in slots:
            attached = Attached(
                estate.new_id("eni-attach"), name, like.account, slot.device, slot.ends, now
            )
            if slot.there is not None:
                there = msgspec.structs.replace(slot.there, attached=attached)
                self._there.append(there)
                continue
            public = next(self._public) if like.maps_public else ""
            wanted = msgspec.structs.replace(slot.wanted, attached=attached, public=public)
            self._plan.add(slot.subnet, wanted)
        instance = msgspec.structs.replace(
            like, id=name, index=index, made_at=now, started_at=now, changed_at=now
        )
        self.made.append(instance)
