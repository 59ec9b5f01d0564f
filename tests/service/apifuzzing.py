"""Requests made of any service's own model and then broken, posted to a world in virtual time.

A request begins as the model has it, with what earlier answers told (ids, ARNs, names), so that it
gets far; then some of it is replaced, taken away or doubled, and sometimes its bytes are changed.
botocore writes it as a client would, and reads what is answered. Whatever comes of it, the answer
is never a fault of ours (5xx other than 501, which names what is not offered), and a request that
is refused leaves nothing behind in its region's store. Time passes now and then, so that what was
accepted is put to work: by the edge, its checkers, load balancers and resolvers.

`python -m tests.service.apifuzzing 100000 [SEED] [SERVICE...]` sends so many (`make fuzz-edge`).
"""

import sys
import traceback
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.session import get_session

from antipodes.fabric.network.fabric import (
    ON_THE_INTERNET,
    Fabric,
    from_interface,
    from_site,
)
from antipodes.fabric.network.packets import TCP, Packet
from antipodes.fabric.network.reaching import reach
from antipodes.fabric.network.spaces import everything
from antipodes.fabric.network.together import together
from antipodes.hosting.catalogue import service_class
from antipodes.hosting.region import RegionHost
from antipodes.hosting.simulated import SimulatedWorld
from antipodes.questions.drawing import drawn
from antipodes.runtime.contract import Accepted, Address, Chance
from antipodes.service.contract import ServiceError, Settings
from antipodes.service.http import HttpRequest, HttpResponse
from antipodes.world.atlas import load_atlas
from antipodes.world.world import World
from tests.service.apirequests import DOCUMENT, SEEDS, TEMPLATES, filled
from tests.service.damage import cut, places_in

if TYPE_CHECKING:
    from botocore.model import ServiceModel

WORLD_REQUESTS = 1_000  # after which a new world begins
PASSING = 100  # requests between which time passes
PASSED_S = 40.0
FAULTS_MAX = 20
POOL_MAX = 12  # of what was told, the newest
DEPTH_MAX, FEW = 7, 3
REGIONS = ("us-west-2", "us-east-1")
WALKED_MAX = 5
SOMEBODY = {4: "198.51.100.7", 6: "2001:db9::7"}
OK, REFUSED, NOT_OFFERED, SERVER_ERROR = 200, 400, 501, 500

# Where a service is asked.
SERVICES = {
    "route53": "us-east-1",
    "globalaccelerator": "us-west-2",
    "elbv2": "us-west-2",
    "acm": "us-west-2",
    "route53resolver": "us-west-2",
    "route53-recovery-control-config": "us-west-2",
    "route53-recovery-cluster": "us-west-2",
    "arc-zonal-shift": "us-west-2",
    "ec2": "us-west-2",
    "ram": "us-west-2",
    "resource-groups": "us-west-2",
    "servicediscovery": "us-west-2",
    "network-firewall": "us-west-2",
}
# Faults that AWS itself tells with a 5xx: what a service has run out of, or cannot reach.
_HONEST = ("ServiceUnavailable", "EndpointTemporarilyUnavailableException")

_NAMES = ("example.com", "www.example.com.", "a.example.com", "example.org", "*.example.com")
_IPS = ("192.0.2.1", "10.0.0.7", "198.19.6.9", "2001:db8::1", "198.18.0.1", "172.31.0.9")
_CIDRS = ("10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32", "10.0.0.1/33", "0.0.0.0/0")
_VALUES = (*_IPS, "10 mail.example.com", '"text"', "ns1.example.com.", '0 issue "ca.example"')
_TEXTS: dict[str, tuple[str, ...]] = {
    "dnsname": _NAMES,
    "domainname": _NAMES,
    "domainnamestring": _NAMES,
    "rdata": _VALUES,
    "value": (*_VALUES, "x"),
    "ip": _IPS,
    "ipaddress": _IPS,
    "resolverip": _IPS,
    "edns0clientsubnetip": _IPS,
    "fullyqualifieddomainname": ("www.example.com", "x..y", "-", "a" * 70 + ".com"),
    "cidr": _CIDRS,
    "regionname": (*REGIONS, "eu-central-1", "nowhere"),
    "endpointgroupregion": (*REGIONS, "eu-central-1", "nowhere"),
    "zonename": ("us-west-2a", "usw2-az1", "x"),
    "availabilityzone": ("us-west-2a", "us-west-2b", "all", "x"),
    "name": ("one", "two", "example.com", "a-b", "x" * 33),
    "resourcepath": ("/", "/health?x=1", "x"),
    "protocol": ("HTTP", "HTTPS", "TCP", "UDP", "TLS"),
    "expiresin": ("1h", "30m", "3d", "0m", "1x"),
    "awayfrom": ("usw2-az1", "us-west-2a", "x"),
    "path": ("/", "/health"),
    "field": ("host-header", "path-pattern", "source-ip", "http-header", "x"),
    "priority": ("1", "2", "99"),
    "securitygroupid": ("sg-0123456789abcdef0", "x"),
    "document": (DOCUMENT, "{}"),
    "cidrblock": (*_CIDRS, "10.0.0.0/16", "10.0.0.0/24", "10.1.0.0/16", "172.31.0.0/20"),
    "destinationcidrblock": (*_CIDRS, "10.0.0.0/24", "10.1.0.0/16"),
    "ipv6cidrblock": ("2001:db8:1234:1a00::/64", "::/0", "x"),
    "cidrip": _CIDRS,
    "instancetype": ("t3.micro", "m5.large", "x"),
    "imageid": ("ami-12345678", "x"),
    "servicename": ("com.amazonaws.us-west-2.s3", "com.amazonaws.us-west-2.kms", "x"),
    "protocolnumber": ("-1", "6", "17", "tcp"),
    "peerregion": (*REGIONS, "nowhere"),
    "principal": ("111111111111", "o-abc", "x"),
}
_NUMBERS = (0, 1, 1, 2, 3, 10, 30, 53, 80, 80, 100, 443, 300, -1, 65_536, 2**31 - 1)
_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 2**31, 2**63, 1e300, "", "x", "\x00", "é𝄞", "²", "9" * 4400),
    *([], {}, [[]], [None], "a" * 300, "%00", "../..", "*", "arn:aws:x:y:z:0:w", "\\052", "a..b"),
    *("arn:aws:elasticloadbalancing:us-west-2:000000000000:loadbalancer/app/x/0", "\ud800", "\n"),
)
_BACKGROUND = (b"changes/", b"recovery/", b"follower")  # what is written all the time


@dataclass
class Found:
    """What came of the requests: answers by status, and what must not be."""

    answers: Counter[int] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)

    def fault(self, what: str, request: Any) -> None:
        """Keep what must not be."""
        if len(self.faults) < FAULTS_MAX:
            self.faults.setdefault(what, repr(request)[:1_500])


class Pool:
    """What answers have told, by the name of its shape or member."""

    def __init__(self) -> None:
        self.service = ""  # whose answers count most
        self._kept: dict[str, list[Any]] = {}

    def put(self, name: str, value: Any) -> None:
        """Keep a value for later requests."""
        for key in (name.lower(), f"{self.service}/{name.lower()}"):
            kept = self._kept.setdefault(key, [])
            if value not in kept:
                kept.append(value)
                del kept[:-POOL_MAX]

    def get(self, *names: str) -> list[Any]:
        """What is known under the first of these names that anything is known under."""
        lowered = [name.lower() for name in names]
        keys = [*(f"{self.service}/{name}" for name in lowered), *lowered]
        return next((self._kept[key] for key in keys if key in self._kept), [])

    def harvest(self, shape: Any, value: Any, name: str) -> None:
        """Keep all texts of an answer."""
        if shape.type_name == "structure" and isinstance(value, dict):
            for member, inner in shape.members.items():
                if member in value:
                    self.harvest(inner, value[member], member)
        elif shape.type_name == "list" and isinstance(value, list):
            for one in value:
                self.harvest(shape.member, one, name)
        elif shape.type_name == "string" and isinstance(value, str) and len(value) < 512:
            for known in (shape.name, name):
                self.put(known, value.removeprefix("/hostedzone/"))


class Maker:
    """Makes requests, whole and broken."""

    def __init__(self, chance: Chance, pool: Pool, services: tuple[str, ...]) -> None:
        self._chance = chance
        self._pool = pool
        session = get_session()
        self.models: dict[str, ServiceModel] = {
            name: session.get_service_model(name) for name in services
        }
        known = (*SEEDS, *TEMPLATES)
        self._templates = [one for one in known if one[0] in services]
        self._operations = [
            (name, operation)
            for name, model in self.models.items()
            for operation in model.operation_names
            for _ in range(_often(name, operation))
        ]

    def request(self) -> tuple[str, str, Any, dict[str, Any]]:
        """Make a request: service, operation, what it asks for, and how that is written."""
        service, name = self._chance.choice(self._operations)
        template: dict[str, Any] | None = None
        if self._maybe(0.3):
            service, name, template = self._chance.choice(self._templates)
        self._pool.service = service
        model = self.models[service]
        operation = model.operation_model(name)
        shape = operation.input_shape
        whole = {} if shape is None else self._value(shape, "", 0)
        if template is not None:
            whole = filled(template, self._pool.get, self._chance.getrandbits(16))
        serializer = create_serializer(model.protocol, include_validation=False)
        for breaks in (self._chance.choice((0, 0, 0, 1, 1, 2)), 0):
            body = deepcopy(whole)
            for _ in range(breaks):
                self._break(body)
            try:
                written = serializer.serialize_to_request(body, operation)
            except Exception:  # noqa: BLE001, S112 - what no client can write is never sent
                continue
            return service, name, body, written
        return self.request()

    def _maybe(self, part: float) -> bool:
        return self._chance.random() < part

    def _value(self, shape: Any, name: str, depth: int) -> Any:
        kind = shape.type_name
        if kind == "structure":
            return self._members(shape, depth)
        if kind in {"list", "map"}:
            count = 0 if depth > DEPTH_MAX else self._chance.choice((0, 1, 1, 1, 1, 2, 3))
            inner = shape.member if kind == "list" else shape.value
            values = [self._value(inner, name, depth + 1) for _ in range(count)]
            if kind == "list":
                return values
            return {self._value(shape.key, name, depth + 1): value for value in values}
        return self._scalar(shape, name)

    def _members(self, shape: Any, depth: int) -> dict[str, Any]:
        wanted = {}
        for name, member in shape.members.items():
            part = 0.6 if len(shape.members) <= FEW else 0.2
            needed = name in shape.required_members or self._maybe(part)
            if needed and depth <= DEPTH_MAX:
                wanted[name] = self._value(member, name, depth + 1)
        if getattr(shape, "is_tagged_union", False):
            name = self._chance.choice(tuple(shape.members))
            return {name: self._value(shape.members[name], name, depth + 1)}
        return wanted

    def _scalar(self, shape: Any, name: str) -> Any:
        kind = shape.type_name
        if kind in {"integer", "long"}:
            least, most = shape.metadata.get("min"), shape.metadata.get("max")
            if least is not None and self._maybe(0.5):
                return self._chance.choice((least, most if most is not None else least))
            return self._chance.choice(_NUMBERS)
        if kind == "boolean":
            return self._maybe(0.5)
        if kind in {"double", "float"}:
            return self._chance.choice((0.0, 1.5, 50.0, -1.0, 1e300))
        if kind == "timestamp":
            return self._chance.choice((0, 1_800_000_000, -1, 253_402_300_799))
        if kind == "blob":
            return self._chance.choice((b"", b"x", b"-----BEGIN CERTIFICATE-----\nAA==\n"))
        if shape.enum:
            return self._chance.choice(shape.enum)
        return self._text(shape, name)

    def _text(self, shape: Any, name: str) -> str:
        telling = len(name) > len("ARNs")  # else the shape tells more than the member
        kept = self._pool.get(*((name, shape.name) if telling else (shape.name, name)))
        if kept and self._maybe(0.75):
            return str(self._chance.choice(kept))
        texts = _TEXTS.get(shape.name.lower()) or _TEXTS.get(name.lower())
        if texts:
            return self._chance.choice(texts)
        if name in {"CallerReference", "IdempotencyToken", "ClientToken", "CreatorRequestId"}:
            return f"r{self._chance.getrandbits(16)}"
        arns = self._pool.get("ResourceArn", "LoadBalancerArn", "AcceleratorArn")
        if name.lower().endswith("arn") and arns:
            return str(self._chance.choice(arns))
        return self._chance.choice((*_NAMES[:2], "x", "1", "a" * 8, "TCP", "80"))

    # Breaking.

    def _break(self, body: Any) -> None:
        """Change one place of a tree."""
        spots = places_in(body)
        if not spots:
            return
        holder, at = self._chance.choice(spots)
        if isinstance(holder, dict) and self._maybe(0.2):
            del holder[at]
        elif isinstance(holder, list) and self._maybe(0.3):
            holder.extend(deepcopy(holder[at]) for _ in range(self._chance.choice((1, 30, 1100))))
        else:
            holder[at] = deepcopy(self._chance.choice(_ODD))

    def bytes_broken(self, data: bytes) -> bytes:
        """The same, seldom with a few other bytes."""
        return cut(data, self._chance) if self._maybe(0.05) else data


def _often(service: str, operation: str) -> int:
    if operation not in service_class(service).operations or operation.startswith("Delete"):
        return 1
    return 8 if operation.startswith(("Create", "Change", "Register", "Put", "Update")) else 4


class Fuzzer:
    """A world that is asked."""

    def __init__(self, seed: int, services: tuple[str, ...], found: Found) -> None:
        self.found = found
        settings = Settings(seed=seed, propagation_s=5.0)
        self._world = SimulatedWorld(REGIONS, seed=seed, settings=settings)
        self._pool = Pool()
        self._maker = Maker(self._world.outside.chance("fuzz"), self._pool, services)
        self._kept: dict[str, Any] = {}

    def run(self, count: int) -> None:
        """Start the world and send so many requests."""

        async def main() -> None:
            await self._world.start()
            await self._world.outside.spawn(self._play(count), "fuzz")

        try:
            self._world.run(main())
        finally:
            self._world.close()

    async def _play(self, count: int) -> None:
        for operation in ("DescribeSubnets", "DescribeVpcs"):
            told = await self._world.call(REGIONS[0], "ec2", operation, {})
            for one in told.get("Subnets", []):
                self._pool.put("SubnetId", one["SubnetId"])
                self._pool.put("VpcId", one["VpcId"])
                self._pool.put("VPCId", one["VpcId"])
                self._pool.put("ResourceId", one["VpcId"])
        told = await self._world.call(REGIONS[0], "ec2", "DescribeSecurityGroups", {})
        self._pool.put("SecurityGroupId", told["SecurityGroups"][0]["GroupId"])
        for number in range(count):
            if number % PASSING == 0:
                await self._world.outside.sleep(PASSED_S)
                self._walk()
                for service, operation, request in SEEDS:
                    if service in self._maker.models:
                        with suppress(ServiceError):  # there may be as many as there can be
                            await self._seed(service, operation, request, number)
            await self._one()

    async def _seed(
        self, service: str, operation: str, request: dict[str, Any], number: int
    ) -> None:
        """Make something that requests can be about."""
        self._pool.service = service
        whole = filled(request, self._pool.get, number)
        told = await self._world.call(SERVICES[service], service, operation, whole)
        shape = self._maker.models[service].operation_model(operation).output_shape
        self._pool.harvest(shape, told, "")

    def _walk(self) -> None:
        """Whatever networks have been made can be told, drawn and walked."""
        told = [
            networks
            for place in REGIONS
            for networks in self._world.region(place).reports["networks"]().values()
        ]
        try:
            topology = together(told)
            drawn(topology, World(load_atlas(), REGIONS))
            targets = list(topology.interfaces.values())[-WALKED_MAX:]
            ends = [address for target in targets for address in target.addresses]
            for version, source in SOMEBODY.items():
                fabric = Fabric(topology, version)
                starts = [from_interface(one) for one in topology.interfaces]
                starts += [from_site(one) for one in topology.sites]
                for start in [*starts[-WALKED_MAX:], ON_THE_INTERNET]:
                    deque(reach(fabric.node, start, everything(version)), 0)
                    for address in ends:
                        if ip_address(address).version == version:
                            fabric.walk(start, Packet.of(source, address, TCP, 443, port=50_000))
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not be
            self.found.fault(f"networks: {traceback.format_exc()[-700:]}", repr(error))

    async def _one(self) -> None:
        service, operation, body, written = self._maker.request()
        host = self._world.region(SERVICES[service])
        request = self._written(service, host.place, written)
        await host.store.committed()
        before, began = _stored(host), host.runtime.now()
        answer: Any = host.dispatcher.handle(request)
        if not isinstance(answer, HttpResponse):
            answer = await host.runtime.spawn(answer, "fuzzed")
        self.found.answers[answer.status] += 1
        asked = f"{service}.{operation}"
        try:
            fault = self._judge(service, operation, answer)
        except Exception as error:  # noqa: BLE001 - botocore cannot read it
            fault = f"an answer that botocore cannot read: {error!r} {answer.body[:300]!r}"
        at_once = host.runtime.now() == began  # else others may have written something meanwhile
        after = _stored(host) if answer.status >= REFUSED and at_once else before
        if not fault and before != after:
            changed = sorted(k for k in {**before, **after} if before.get(k) != after.get(k))
            fault = f"refused {answer.body[:200]!r}, and yet something was written: {changed[:3]}"
        if fault:
            self.found.fault(f"{asked}: {fault}", body)
        if answer.status < REFUSED:
            self.found.accepted[asked] += 1

    def _written(self, service: str, place: str, written: dict[str, Any]) -> HttpRequest:
        signs_as = self._maker.models[service].signing_name
        headers = {str(name).lower(): str(value) for name, value in written["headers"].items()}
        scope = f"Credential=test/20260101/{place}/{signs_as}/aws4_request"
        headers["authorization"] = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"
        headers["host"] = "127.0.0.1:4566"
        body, query = written["body"], written["query_string"]
        if isinstance(body, dict):
            body = urlencode(body, errors="replace").encode()
        if isinstance(body, str):
            body = body.encode("utf-8", "replace")
        if isinstance(query, dict):
            query = urlencode(query, doseq=True, errors="replace")
        target = written["url_path"] + (f"?{query}" if query else "")
        accepted = Accepted("laptop", "127.0.0.1", Address(place, "api"), "")
        whole = self._maker.bytes_broken(bytes(body))
        return HttpRequest(written["method"], target, headers, whole, accepted)

    def _judge(self, service: str, operation: str, answer: HttpResponse) -> str:
        """What is wrong with an answer, if anything is."""
        model = self._maker.models[service]
        shape = model.operation_model(operation).output_shape
        parser = create_parser(model.protocol)
        told = {
            "body": answer.body,
            "headers": {name.lower(): value for name, value in answer.headers},
            "status_code": answer.status,
        }
        parsed = parser.parse(told, shape)
        if answer.status < REFUSED:
            if shape is not None:
                self._pool.harvest(shape, parsed, "")
            return ""
        error = parsed.get("Error", {})
        if answer.status == NOT_OFFERED:
            return "" if "does not offer" in error["Message"] else f"501: {error['Message']}"
        if answer.status >= SERVER_ERROR and error.get("Code") not in _HONEST:
            return f"status {answer.status}: {error.get('Message')}"
        return "" if error.get("Code") else f"an error without a code: {answer.body[:100]!r}"


def _stored(host: RegionHost) -> dict[bytes, bytes]:
    """All that a region keeps."""
    kept = host.store.scan(b"\x00", b"\xff" * 8)
    return {key: value for key, value in kept if not key.startswith(_BACKGROUND)}


def fuzz(
    count: int,
    seed: int = 0,
    services: tuple[str, ...] = tuple(SERVICES),
    tell: Callable[[int, Found], None] | None = None,
) -> Found:
    """Send so many requests; return what came of them."""
    found = Found()
    done = 0
    while done < count and len(found.faults) < FAULTS_MAX:
        share = min(WORLD_REQUESTS, count - done)
        Fuzzer(seed * 1_000_003 + done, services, found).run(share)
        done += share
        if tell is not None:
            tell(done, found)
    return found


def main() -> int:
    """Run from the command line; the exit status says whether anything was found."""
    count, seed = (int(text) for text in (*sys.argv[1:3], "20000", "0")[:2])

    def tell(done: int, found: Found) -> None:
        sys.stdout.write(f"{done:>9} requests, answers {dict(sorted(found.answers.items()))}\n")
        sys.stdout.flush()

    found = fuzz(count, seed, tuple(sys.argv[3:]) or tuple(SERVICES), tell)
    sys.stdout.write(f"accepted: {dict(found.accepted)}\n")
    sys.stdout.writelines(f"{fault}: {body}\n\n" for fault, body in found.faults.items())
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
