"""Instances as the API shows them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from antipodes.regional.ec2 import showninterfaces, tags
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.filters import Thing
from antipodes.regional.ec2.hostnames import private_name
from antipodes.regional.ec2.instances import CODES, ON_THE_WAY, TERMINATED
from antipodes.regional.ec2.instancetypes import architecture
from antipodes.regional.ec2.model import Instance, Interface
from antipodes.world.atlas import Zone

NO_MACHINE = (
    "No machine is started for an instance here: it is a place in its network, with interfaces."
)
_BY_USER = "Client.UserInitiatedShutdown"


def state(name: str) -> Thing:
    """A state, by name and code."""
    return {"Name": name, "Code": CODES[name]}


def instance(
    estate: Estate,
    of: Instance,
    now_in: str,
    interfaces: Sequence[Interface],
    zones: Sequence[Zone],
) -> Thing:
    """An instance in a state; also with what its reservation shows, for filters to read."""
    place = next(zone for zone in zones if zone.id == of.zone)
    found: Thing = {
        "ReservationId": of.reservation,
        "OwnerId": of.account,
        "AmiLaunchIndex": of.index,
        "Architecture": architecture(of.type),
        "BlockDeviceMappings": [],
        "ClientToken": of.token.name if of.token is not None else "",
        "EbsOptimized": of.for_disks,
        "EnaSupport": True,
        "Hypervisor": "xen",
        "ImageId": of.image,
        "InstanceId": of.id,
        "InstanceType": of.type,
        "LaunchTime": of.started_at,
        "Monitoring": {"State": "disabled"},
        "NetworkInterfaces": [],
        "Placement": {
            "AvailabilityZone": place.name,
            "AvailabilityZoneId": place.id,
            "GroupName": "",
            "Tenancy": of.tenancy,
        },
        "PrivateDnsName": "",
        "ProductCodes": [],
        "PublicDnsName": "",
        "RootDeviceType": "ebs",
        "SecurityGroups": [],
        "State": state(now_in),
        "StateReason": {"Code": "Server.NoMachine", "Message": NO_MACHINE},
        "StateTransitionReason": "",
        "Tags": tags.shown(estate.tags(of.account, of.id)),
        "VirtualizationType": "hvm",
    }
    if of.key:
        found["KeyName"] = of.key
    if of.state in {TERMINATED, "stopped"}:
        at = datetime.fromtimestamp(of.changed_at, UTC)
        found["StateTransitionReason"] = f"User initiated ({at:%Y-%m-%d %H:%M:%S} GMT)"
        message = f"{_BY_USER}: User initiated shutdown"
        found["StateReason"] = {"Code": _BY_USER, "Message": message}
    if of.state != TERMINATED:
        found |= _network(estate, of, interfaces)
    return found


def _network(estate: Estate, of: Instance, interfaces: Sequence[Interface]) -> Thing:
    """Where an instance is; its primary interface's addresses, groups and check are its own."""
    first, addresses = interfaces[0], showninterfaces.addresses(estate, interfaces[0])
    association = addresses[0].get("Association") or {}
    found: Thing = {
        "NetworkInterfaces": [_interface(estate, one) for one in interfaces],
        "PrivateDnsName": private_name(estate.host.place, first.addresses[0].address),
        "PrivateIpAddress": first.addresses[0].address,
        "PublicDnsName": association.get("PublicDnsName") or "",
        "SecurityGroups": showninterfaces.groups(estate, first),
        "SourceDestCheck": first.checks,
        "SubnetId": of.subnet,
        "VpcId": of.vpc,
    }
    if first.addresses6:
        found["Ipv6Address"] = first.addresses6[0]
    return found | ({"PublicIpAddress": association["PublicIp"]} if association else {})


def _interface(estate: Estate, of: Interface) -> Thing:
    """An interface, as much as an instance's description has of it."""
    addresses = showninterfaces.addresses(estate, of)
    for one in addresses:
        if "Association" in one:
            one["Association"] = _association(one["Association"], of.account)
    first, attached = addresses[0], of.attached
    assert attached is not None, f"{of.id} is attached to nothing"
    told = showninterfaces.attachment(attached)
    found: Thing = {
        "Attachment": {
            name: value
            for name, value in told.items()
            if name not in {"InstanceId", "InstanceOwnerId"}
        },
        "Description": of.description,
        "Groups": showninterfaces.groups(estate, of),
        "InterfaceType": of.kind,
        "Ipv6Addresses": showninterfaces.addresses6(of),
        "MacAddress": showninterfaces.mac_address(of.id),
        "NetworkInterfaceId": of.id,
        "OwnerId": of.account,
        "PrivateIpAddress": of.addresses[0].address,
        "PrivateIpAddresses": addresses,
        "SourceDestCheck": of.checks,
        "Status": showninterfaces.IN_USE,
        "SubnetId": of.subnet,
        "VpcId": of.vpc,
    }
    return found | {
        name: first[name] for name in ("Association", "PrivateDnsName") if name in first
    }


def _association(of: Thing, account: str) -> Thing:
    owner = account if "AllocationId" in of else "amazon"
    found = {"IpOwnerId": owner, "PublicIp": of["PublicIp"]}
    return found | ({"PublicDnsName": of["PublicDnsName"]} if "PublicDnsName" in of else {})


def reservations(instances: Sequence[Thing]) -> list[Thing]:
    """Instances, put together as they were launched."""
    found: dict[str, Thing] = {}
    for one in instances:
        name, owner = one.pop("ReservationId"), one.pop("OwnerId")
        told = found.setdefault(
            name, {"ReservationId": name, "OwnerId": owner, "Groups": [], "Instances": []}
        )
        told["Instances"].append(one)
    return list(found.values())


def status(of: Instance, now_in: str, zones: Sequence[Zone]) -> Thing:
    """An instance's status: whatever runs is well, as there is no machine that could be ill."""
    place = next(zone for zone in zones if zone.id == of.zone)
    if now_in == "running":
        told: Thing = {"Status": "ok", "Details": [{"Name": "reachability", "Status": "passed"}]}
    elif now_in == ON_THE_WAY["running"]:
        details = [{"Name": "reachability", "Status": "initializing"}]
        told = {"Status": "initializing", "Details": details}
    else:
        told = {"Status": "not-applicable", "Details": []}
    return {
        "AvailabilityZone": place.name,
        "AvailabilityZoneId": place.id,
        "InstanceId": of.id,
        "InstanceState": state(now_in),
        "InstanceStatus": told,
        "SystemStatus": told,
        "Events": [],
    }
