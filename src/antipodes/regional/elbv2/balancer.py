"""The data plane: from a client's request over a listener's rules to a target, and back.

A load balancer listens at its own door (`elb/app/NAME/ID:PORT`, where an accelerator comes in) and
at the address of its node in each zone (in the zone itself, where that is one of its subnet). What
rules mean is worked out once after each change of the registry. Functions are invoked and addresses
asked by HTTP with the idle timeout as patience; what goes wrong becomes one of the pages of
`forwarding.py`: 502 for a bad or missing answer, 503 without targets, 504 for none in time. Every
request leaves a span, `alb.request`.

Left out: the client's half of HTTP/2, access logs.
"""

from functools import partial
from typing import NamedTuple

from antipodes.regional.elbv2 import (
    attributes,
    conditions,
    forwarding,
    lambdaformat,
    metrics,
    model,
    targets,
    transforms,
)
from antipodes.regional.elbv2.actions import Url, redirect_location
from antipodes.regional.elbv2.certificates import Certificates
from antipodes.regional.elbv2.choosing import Choosing
from antipodes.regional.elbv2.clients import ClientConnection
from antipodes.regional.elbv2.conditions import Facts
from antipodes.regional.elbv2.enforcing import Networks, Silence
from antipodes.regional.elbv2.health import Probes
from antipodes.regional.elbv2.invoking import Failed, invoke
from antipodes.regional.elbv2.model import (
    APPLICATION,
    HTTPS,
    LAMBDA,
    Action,
    Listener,
    LoadBalancer,
    Target,
    TargetGroup,
    Zone,
)
from antipodes.regional.elbv2.registry import Registry
from antipodes.regional.elbv2.shifted import Shifted
from antipodes.regional.elbv2.stickiness import Sticky
from antipodes.runtime.contract import (
    Accepted,
    Address,
    Gone,
    Receiver,
    ReceiverFactory,
    TimedOut,
    Timer,
)
from antipodes.runtime.contract import Listener as OpenDoor
from antipodes.service.contract import Host
from antipodes.service.http import HttpClient, HttpRequest, HttpResponse, passed_back
from antipodes.wire.scalars import http_date

TARGET_LENGTH_MAX = 16 << 10
DOOR = "elb/"  # where what comes through an accelerator or another load balancer comes in
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


class _Rule(NamedTuple):
    """A rule, ready to be asked."""

    name: str  # its priority, or "default"
    tests: tuple[conditions.Test, ...]
    action: Action
    rewriting: transforms.Rewriting | None = None


class _Group(NamedTuple):
    """A target group, ready to be forwarded to."""

    arn: str
    group: TargetGroup
    multi_value: bool


class _Serving(NamedTuple):
    """A listener, ready to serve."""

    listener: Listener
    balancer: str
    policy: forwarding.Policy
    rules: tuple[_Rule, ...]
    groups: dict[str, _Group]
    tests: bool  # any of its rules does
    arn: str  # of the load balancer


def _metered(serving: _Serving) -> tuple[str, str]:
    """Whose load balancer, and which, as measures name it."""
    return serving.listener.account, serving.listener.balancer


class _Visit(NamedTuple):
    """One request, read."""

    request: HttpRequest
    serving: _Serving
    headers: forwarding.Headers
    facts: Facts
    query: str
    trace_header: str
    trace: str


def _rewritten(visit: _Visit, rewriting: transforms.Rewriting) -> _Visit:
    try:
        path, query = rewriting.url(visit.facts.path, visit.query)
        headers = rewriting.headers(visit.headers)
    except transforms.Failed:
        raise _Refused(500, "a transform failed") from None
    parameters = lambdaformat.split_query(query)
    facts = visit.facts._replace(path=path, query=parameters)
    return visit._replace(headers=headers, facts=facts, query=query)


class _Refused(Exception):
    """The load balancer answers itself, with a page; `reason` is for the span."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Balancer:
    """All load balancers of a region at work."""

    def __init__(
        self,
        host: Host,
        registry: Registry,
        probes: Probes,
        shifted: Shifted,
        networks: Networks,
    ) -> None:
        self.host = host
        self.certificates = Certificates(host, registry)
        self._registry = registry
        self._probes = probes
        self._shifted = shifted
        self._networks = networks
        self._doors: dict[Address, tuple[tuple[str, str], OpenDoor | None]] = {}
        self._waking: dict[str, Timer] = {}
        self._served: dict[tuple[str, str], _Serving | None] = {}
        self._served_version = (-1, 0)
        self.choosing = Choosing(host.runtime, probes.takes_requests)
        self._meters = metrics.Meters(host)
        self._dated = (0, "")
        self._client = HttpClient(host.runtime)
        self._weights = host.runtime.chance("elbv2/weights")
        self._traces = host.runtime.chance("elbv2/traces")

    # Doors.

    async def reconcile(self) -> None:
        """Listen where listeners of active load balancers should be, and nowhere else."""
        self.choosing.reconcile(self._registry.group_of)
        wanted = self._wanted()
        for address, (key, door) in list(self._doors.items()):
            if wanted.get(address) != key and door is not None:
                door.close()
                del self._doors[address]
        for address, key in wanted.items():
            if address not in self._doors:
                self._doors[address] = (key, None)
                factory = self._factory(key)
                self._doors[address] = (
                    key,
                    await self.host.runtime.listen(address, factory),
                )

    def _factory(self, key: tuple[str, str]) -> ReceiverFactory:
        def accept(accepted: Accepted) -> Receiver:
            serving, networks = self.serving(key), self._networks
            if networks.enforces and serving and networks.keeps_out(serving.listener, accepted):
                return Silence(self.host.runtime)
            inner = ClientConnection(
                self.host,
                accepted,
                partial(self.serve, key),
                partial(self._policy, key),
            )
            if serving is None or serving.listener.protocol != HTTPS:
                return inner
            return self.certificates.receiver(serving.listener, inner)

        return accept

    def _policy(self, key: tuple[str, str]) -> forwarding.Policy | None:
        serving = self.serving(key)
        return serving.policy if serving is not None else None

    def _wanted(self) -> dict[Address, tuple[str, str]]:
        wanted: dict[Address, tuple[str, str]] = {}
        place, wall = self.host.place, self.host.runtime.wall()
        for account, _, balancer in self._registry.balancers.all():
            if balancer.kind != APPLICATION:
                continue
            if not balancer.is_active(wall):
                self._wake(balancer.arn, balancer.active_at - wall)
                continue
            for listener in self._registry.listeners_of(balancer):
                doors = [(place, f"elb/{balancer.key}")]
                doors += [(self._place(balancer, zone), zone.address) for zone in balancer.zones]
                for where, door in doors:
                    wanted[Address(where, f"{door}:{listener.port}")] = (account, listener.key)
        return wanted

    def _place(self, balancer: LoadBalancer, zone: Zone) -> str:
        """Where a node's address leads: those of subnets to their zone, others to the region."""
        place: str = self.host.world.atlas.zone(zone.name).place
        return place if balancer.is_internal else self.host.place

    def _wake(self, arn: str, seconds: float) -> None:
        """Come back when a load balancer will be active."""
        runtime = self.host.runtime

        def wake() -> None:
            self._waking.pop(arn, None)
            runtime.spawn(self.reconcile(), f"activating {arn}")

        if arn not in self._waking:
            # A clock that was put back must not make this spin.
            self._waking[arn] = runtime.later(max(seconds, 0.001), wake)

    # Requests.

    def serving(self, key: tuple[str, str]) -> _Serving | None:
        """Return a listener, ready to serve, or None where it is gone."""
        if self._served_version != self._registry.version:
            self._served.clear()
            self._served_version = self._registry.version
        if key not in self._served:
            self._served[key] = self._prepare(*key)
        return self._served[key]

    def _prepare(self, account: str, listener_key: str) -> _Serving | None:
        listener = self._registry.listeners.get(account, listener_key)
        if listener is None:
            return None
        balancer = self._registry.balancers.get(account, listener.balancer)
        assert balancer is not None, f"{listener.arn} outlived its load balancer"
        rules = [
            _Rule(
                str(r.priority),
                tuple(map(conditions.test_of, r.conditions)),
                r.actions[-1],
                transforms.Rewriting(r.transforms) if r.transforms else None,
            )
            for r in self._registry.rules_of(listener)
        ]
        rules.append(_Rule("default", (), listener.actions[-1]))
        groups: dict[str, _Group] = {}
        known = attributes.OF_GROUP[LAMBDA]
        for rule in rules:
            for arn in model.groups_of((rule.action,)):
                group = self._registry.group_of(arn)
                if group is not None:
                    multi = attributes.value(known, group.attributes, attributes.MULTI_VALUE)
                    groups[arn] = _Group(arn, group, multi == "true")
        policy = forwarding.Policy.of(balancer)
        tests = any(rule.tests for rule in rules)
        return _Serving(listener, balancer.name, policy, tuple(rules), groups, tests, balancer.arn)

    async def serve(self, key: tuple[str, str], request: HttpRequest) -> HttpResponse:
        """Answer a client's request."""
        runtime = self.host.runtime
        started = runtime.now()
        serving = self.serving(key)
        if serving is None:
            return forwarding.page(503, runtime.wall())
        told: dict[str, str | int] = {}
        trace = request.accepted.trace
        try:
            visit = self._read(serving, request)
            trace = visit.trace
            rule = serving.rules[0]  # the default, where there is no other
            if serving.tests:
                rule = next(r for r in serving.rules if all(test(visit.facts) for test in r.tests))
            told["rule"] = rule.name
            if rule.rewriting is not None and rule.action["Type"] == "forward":
                visit = _rewritten(visit, rule.rewriting)
            response = await self._act(visit, rule.action, told)
        except _Refused as refused:
            told["reason"] = refused.reason
            runtime.journal.sometimes(f"elb.{refused.status}")
            response = forwarding.page(refused.status, runtime.wall())
            self._meters.own(*_metered(serving), refused.status)
        runtime.journal.span(
            trace,
            "alb.request",
            started,
            load_balancer=serving.balancer,
            status=response.status,
            **told,
        )
        return response

    def _read(self, serving: _Serving, request: HttpRequest) -> _Visit:
        """Read a request; refuse what no rule should see."""
        if len(request.target) > TARGET_LENGTH_MAX:
            raise _Refused(414, "the target is too long")
        if request.method == "TRACE":
            raise _Refused(405, "TRACE")
        try:
            headers = [(name.decode(), value.decode()) for name, value in request.raw_headers]
        except UnicodeDecodeError:
            raise _Refused(400, "a header is not UTF-8") from None
        if serving.policy.drops_invalid:
            headers = forwarding.valid_headers(headers)
        if "x-forwarded-for" in request.headers and forwarding.too_many_addresses(headers):
            raise _Refused(463, "more than 30 addresses in X-Forwarded-For")
        target = request.target.partition("#")[0]
        if target[:1] != "/" and target.lower().startswith(("http://", "https://")):
            target = "/" + target.partition("://")[2].partition("/")[2]
        path, _, query = target.partition("?")
        host = request.headers.get("host", "").lower()
        name, colon, port = host.rpartition(":")
        facts = Facts(
            request.method,
            path,
            lambdaformat.split_query(query) if query else [],
            [(name.lower(), value) for name, value in headers] if serving.tests else (),
            name if colon and port.isdigit() else host,
            request.accepted.peer_ip,
        )
        sent = request.headers.get("x-amzn-trace-id", "")
        root = request.accepted.trace or self._new_trace()
        header, trace = forwarding.trace_header(sent, root, self._new_trace() if sent else "")
        return _Visit(request, serving, headers, facts, query, header, trace)

    def _new_trace(self) -> str:
        return f"1-{int(self.host.runtime.wall()):08x}-{self._traces.getrandbits(96):024x}"

    async def _act(self, visit: _Visit, action: Action, told: dict[str, str | int]) -> HttpResponse:
        wall = self.host.runtime.wall()
        if action["Type"] == "fixed-response":
            config = action["FixedResponseConfig"]
            status = int(config["StatusCode"])
            self._meters.own(*_metered(visit.serving), status, metrics.FIXED)
            headers = [
                ("Server", forwarding.SERVER),
                ("Date", http_date(int(wall))),
                ("Content-Type", f"{config['ContentType']}; charset=utf-8"),
            ]
            return HttpResponse(status, headers, config["MessageBody"].encode())
        if action["Type"] == "redirect":
            config = action["RedirectConfig"]
            url = Url(
                visit.serving.listener.protocol.lower(),
                visit.facts.host,
                visit.serving.listener.port,
                visit.facts.path,
                visit.query,
            )
            status = int(config["StatusCode"].removeprefix("HTTP_"))
            self._meters.own(*_metered(visit.serving), status, metrics.REDIRECT)
            response = forwarding.page(status, wall)
            location = ("Location", redirect_location(config, url))
            return HttpResponse(status, [*response.headers, location], response.body)
        return await self._forward(visit, action, told)

    async def _forward(
        self, visit: _Visit, action: Action, told: dict[str, str | int]
    ) -> HttpResponse:
        sticky = Sticky(visit.headers, visit.serving.arn, self.host.runtime.wall())
        chosen = self._choose_group(visit.serving, action, sticky)
        arn, group = chosen.arn, chosen.group
        told["target_group"] = arn
        usable = self._probes.usable(group)
        if not usable:
            raise _Refused(503, "no registered targets")
        shifted = bool(self._shifted.zone(visit.serving.arn))
        if shifted and not visit.request.accepted.local.port.startswith(DOOR):
            well = partial(self._probes.takes_requests, group)
            usable = self._shifted.keep(visit.serving.arn, usable, well)
        target = sticky.target(group, usable) or self.choosing.choose(group, usable)
        told["target"] = target.id
        ask = self._ask_function if group.target_type == LAMBDA else self._ask_address
        metered, began = (*_metered(visit.serving), arn.rpartition(":")[2]), self.host.runtime.now()
        self._meters.chosen(*metered)
        self.choosing.begin(group, target)
        try:
            response = await ask(visit, chosen, target)
        except TimedOut:
            raise _Refused(504, "no response within the idle timeout") from None
        except Failed as failed:
            status = 504 if failed.reason == "LambdaConnectionTimeout" else 502
            raise _Refused(status, failed.reason) from None
        except (Gone, lambdaformat.BadAnswer) as error:
            raise _Refused(502, str(error)) from None
        finally:
            self.choosing.end(group, target)
        self._meters.answered(*metered, response.status, self.host.runtime.now() - began)
        told["target_status"] = response.status
        return sticky.remember(response, group, target)

    def _choose_group(self, serving: _Serving, action: Action, sticky: Sticky) -> _Group:
        """By weight, whether or not a group has healthy targets: AWS documents no failover."""
        weighted = action["ForwardConfig"]["TargetGroups"]
        known = sticky.group(action["ForwardConfig"])
        arn = known or weighted[0]["TargetGroupArn"]
        if len(weighted) > 1 and not known:
            total = sum(group["Weight"] for group in weighted)
            if not total:
                raise _Refused(503, "all weights are 0")
            point = self._weights.randrange(total)
            for group in weighted:
                point -= group["Weight"]
                if point < 0:
                    arn = group["TargetGroupArn"]
                    break
        chosen = serving.groups.get(arn)
        if chosen is None:
            raise _Refused(503, "the target group is gone")
        sticky.chosen(action["ForwardConfig"], arn)
        return chosen

    def _headers(self, visit: _Visit) -> forwarding.Headers:
        return forwarding.headers_to_pass(
            visit.headers,
            peer_ip=visit.facts.source_ip,
            scheme=visit.serving.listener.protocol.lower(),
            port=visit.serving.listener.port,
            trace=visit.trace_header,
            policy=visit.serving.policy,
        )

    async def _ask_function(self, visit: _Visit, chosen: _Group, target: Target) -> HttpResponse:
        request, runtime, multi = visit.request, self.host.runtime, chosen.multi_value
        if len(request.body) > lambdaformat.BODY_BYTES_MAX:
            raise _Refused(413, "LambdaRequestTooLarge")
        try:
            event = lambdaformat.event(
                chosen.arn,
                method=request.method,
                path=visit.facts.path,
                query=visit.facts.query,
                headers=self._headers(visit),
                body=request.body,
                multi_value=multi,
            )
        except UnicodeDecodeError:
            raise _Refused(400, "LambdaBadRequest") from None
        payload = await invoke(
            self.host,
            target.id,
            event,
            account=chosen.group.account,
            trace=visit.trace,
            seconds=runtime.deadline(visit.serving.policy.idle_s),
        )
        answer = lambdaformat.parse_answer(payload, multi_value=multi)
        headers = [("Server", forwarding.SERVER), ("Date", self._date())]
        named = [name.lower() for name, _ in answer.headers]
        if "server" not in named and "date" not in named:
            return HttpResponse(
                answer.status, [*headers, *answer.headers], answer.body, answer.reason
            )
        own = [pair for pair in headers if pair[0].lower() not in named]
        return HttpResponse(answer.status, [*own, *answer.headers], answer.body, answer.reason)

    def _date(self) -> str:
        """The time as HTTP writes it, worked out once in a second."""
        second = int(self.host.runtime.wall())
        if self._dated[0] != second:
            self._dated = (second, http_date(second))
        return self._dated[1]

    async def _ask_address(self, visit: _Visit, chosen: _Group, target: Target) -> HttpResponse:
        request, runtime = visit.request, self.host.runtime
        to = targets.door(self.host, chosen.group, target, target.port)
        target_path = f"{visit.facts.path}?{visit.query}" if visit.query else visit.facts.path
        async with runtime.timeout(runtime.deadline(visit.serving.policy.idle_s)):
            if self._networks.enforces:
                asked, listener = request.accepted.local, visit.serving.listener
                await self._networks.reach(listener, asked, chosen.group, target)
            response = await self._client.request(
                to,
                request.method,
                target_path,
                headers=self._headers(visit),
                body=request.body,
                keep_alive=request.method in _REPEATABLE,
                trace=visit.trace,
            )
        headers = passed_back(response, head=request.method == "HEAD")
        if sum(len(name) + len(value) for name, value in headers) > lambdaformat.HEADERS_BYTES_MAX:
            raise _Refused(502, "the response's headers are too long")
        return HttpResponse(response.status, headers, response.body, response.reason)
