"""The functions of one region's host: their records, their packages, their environments.

Records change in one turn with the packages they speak of. An environment belongs to a *generation*
of its function: changing code or configuration begins a new one, and the environments of the old
finish what they have begun.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from antipodes.regional.lambda_.disturbances import Disturbances
from antipodes.regional.lambda_.greenlets import GreenletEnvironment
from antipodes.regional.lambda_.invocations import (
    Environment,
    Invocation,
    Outcome,
    log_lines,
    log_tail,
)
from antipodes.regional.lambda_.model import (
    Function,
    function_arn,
    not_found,
    parse_reference,
)
from antipodes.regional.lambda_.networks import Networks
from antipodes.regional.lambda_.packages import Packages, files_of
from antipodes.regional.lambda_.pools import ENVIRONMENTS_MAX, Pool
from antipodes.regional.lambda_.reports import Reports
from antipodes.regional.lambda_.workers import Workshop
from antipodes.service.accounts import session_key, session_secret, session_token
from antipodes.service.contract import Call, Host, Request, Response, Service, ServiceError
from antipodes.service.drawing import uuid
from antipodes.service.records import Records

COLD_START_S = 0.25  # in simulation: modelled, not measured


class Functions(Service):
    """Everything about a host's functions but the API's own words."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.records = Records(host.store, "lambda/function", Function)
        self.packages = Packages(host.store)
        self.reports = Reports(host)
        self.disturbances = Disturbances(host.runtime)
        self.networks = Networks(host)
        self._decoded: dict[tuple[str, str], tuple[bytes, Function]] = {}
        self._pools: dict[tuple[str, str], Pool] = {}
        self._retiring: dict[int, Pool] = {}
        self._retired_count = 0
        self._workshop: Workshop | None = None

    async def start(self) -> None:
        """Remove files of workers that an earlier run left."""
        if not self.host.runtime.virtual:
            self._workshop = Workshop(self.host.runtime)
            self._workshop.clear()

    async def stop(self) -> None:
        """End the workers, hand on the last reports."""
        for pool in [*self._pools.values(), *self._retiring.values()]:
            await pool.end()
        await self.reports.flush()

    # Records.

    def find(self, call: Call, request: Request) -> Function:
        """Return the function a request names, or say as AWS does that there is none."""
        reference = parse_reference(
            request["FunctionName"], call.region, call.account, request.get("Qualifier") or ""
        )
        raw = self.records.raw(call.account, reference.name)
        if raw is None:
            arn = function_arn(call.region, call.account, reference.name)
            raise not_found(f"{arn}:{reference.qualifier}" if request.get("Qualifier") else arn)
        known = self._decoded.get((call.account, reference.name))
        if known is None or known[0] != raw:
            known = (raw, self.records.decode(raw))
            self._decoded[call.account, reference.name] = known
        return known[1]

    def arn(self, call: Call, function: Function) -> str:
        """Return a function's ARN."""
        return function_arn(call.region, call.account, function.name)

    def new_id(self) -> str:
        """Return a random identifier in the form of a UUID (version 4)."""
        return uuid(self.host.runtime.chance("lambda/identifiers"))

    def revise(self, call: Call, function: Function, **fields: Any) -> Function:
        """Store a changed function under a new revision."""
        changed = msgspec.structs.replace(function, revision=self.new_id(), **fields)
        self.records.put(call.account, changed.name, changed)
        return changed

    def change(self, call: Call, function: Function, **fields: Any) -> Function:
        """Store a change of code or configuration: a new generation, new environments."""
        now = self.host.runtime.wall()
        changed = self.revise(
            call,
            function,
            generation=function.generation + 1,
            modified_at=now,
            updated_at=now + self.control_plane_delay_s(),
            **fields,
        )
        self._retire(call.account, function.name)
        return changed

    def control_plane_delay_s(self) -> float:
        """How long a function is Pending, or its update InProgress."""
        return self.host.runtime.interval(self.host.settings.control_plane_delay_s)

    def remove(self, call: Call, function: Function) -> None:
        """Delete a function with all that is its own."""
        if function.network is not None:
            self.networks.move(call.account, self.arn(call, function), None)
        self.records.delete(call.account, function.name)
        self._decoded.pop((call.account, function.name), None)
        self.packages.delete(call.account, function.name, function.code_sha256)
        self._retire(call.account, function.name)
        self.reports.forget_streams(call.account, function.log_group_name)

    # Environments.

    def _retire(self, account: str, name: str) -> None:
        pool = self._pools.pop((account, name), None)
        if pool is not None:
            self._retired_count += 1
            number = self._retired_count
            self._retiring[number] = pool
            self.host.runtime.spawn(self._retire_pool(number, pool), "lambda retirement")

    async def _retire_pool(self, number: int, pool: Pool) -> None:
        await pool.retire()
        await pool.drained()
        self._retiring.pop(number, None)

    def _pool(self, call: Call, function: Function) -> Pool:
        key = (call.account, function.name)
        pool = self._pools.get(key)
        if pool is None or pool.generation != function.generation:
            self._retire(*key)
            pool = self._pools[key] = Pool(
                self.host.runtime,
                function.generation,
                lambda: self.disturbances.around(
                    self._make_environment(call.account, call.region, function),
                    call.account,
                    function.name,
                    function.timeout_s,
                ),
                environments_max=int(
                    self.host.settings.extra.get("lambda_environments_max", ENVIRONMENTS_MAX)
                ),
                on_drained=lambda: self._discard_files(call.account, function),
            )
        return pool

    def _discard_files(self, account: str, function: Function) -> None:
        """Remove a retired generation's unpacked code, unless the current one has the same."""
        current = self.records.get(account, function.name)
        if self._workshop is not None and (
            current is None or current.code_sha256 != function.code_sha256
        ):
            self._workshop.discard(account, function.name, function.code_sha256)

    def _make_environment(self, account: str, region: str, function: Function) -> Environment:
        runtime = self.host.runtime
        number = runtime.chance("lambda/streams").getrandbits(128)
        day = datetime.fromtimestamp(runtime.wall(), UTC).strftime("%Y/%m/%d")
        stream = f"{day}/[$LATEST]{number:032x}"
        variables = self._variables(account, region, function, stream)
        digest = function.code_sha256
        outlet = None
        if function.network is not None:
            arn = function_arn(region, account, function.name)
            outlet = self.networks.outlet(account, arn, function.network, function.timeout_s)

        def package() -> bytes:
            return self.packages.get(account, function.name, digest)

        if self._workshop is not None:
            return self._workshop.make(
                account,
                function.name,
                digest,
                package,
                variables=variables,
                timeout_s=function.timeout_s,
                stream=stream,
                outlet=outlet,
            )
        return GreenletEnvironment(
            self.host,
            files_of(package()),
            variables=variables,
            timeout_s=function.timeout_s,
            cold_start_s=float(self.host.settings.extra.get("lambda_cold_start_s", COLD_START_S)),
            stream=stream,
            outlet=outlet,
        )

    def _variables(
        self, account: str, region: str, function: Function, stream: str
    ) -> dict[str, str]:
        """Return an environment's variables: defaults, the customer's, and the reserved ones."""
        key = session_key(account, f"lambda/{region}/{function.name}")
        role = function.role.rsplit("/", 1)[-1]
        principal = f"arn:aws:sts::{account}:assumed-role/{role}/{function.name}"
        defaults = {"TZ": ":UTC", "LANG": "en_US.UTF-8"}
        if self.host.api_url:
            defaults["AWS_ENDPOINT_URL"] = self.host.api_url
            defaults["AWS_DISABLE_HOST_PREFIX_INJECTION"] = "true"  # no data-127.0.0.1
        return (
            defaults
            | function.environment
            | {
                "AWS_REGION": region,
                "AWS_DEFAULT_REGION": region,
                "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
                "AWS_LAMBDA_FUNCTION_NAME": function.name,
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
                "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group_name,
                "AWS_LAMBDA_LOG_STREAM_NAME": stream,
                "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
                "AWS_ACCESS_KEY_ID": key,
                "AWS_SECRET_ACCESS_KEY": session_secret(key),
                "AWS_SESSION_TOKEN": session_token(principal),
                "_HANDLER": function.handler,
            }
        )

    # Invocation.

    async def invoke(self, call: Call, function: Function, request: Request) -> Response:
        """Run a function on an event and wait for what becomes of it."""
        runtime = self.host.runtime
        started = runtime.now()
        invocation = Invocation(
            request_id=call.request_id or self.new_id(),
            payload=bytes(request.get("Payload") or b"{}"),
            arn=request["FunctionName"]
            if request["FunctionName"].startswith("arn:")
            else self.arn(call, function),
            trace=call.trace,
            client_context=request.get("ClientContext") or "",
        )
        tail = request.get("LogType") == "Tail"

        def ended(outcome: Outcome, stream: str) -> Response:
            if call.trace:
                runtime.journal.span(
                    call.trace,
                    "lambda.invoke",
                    started,
                    function=function.name,
                    error=outcome.error,
                )
            lines = log_lines(invocation, outcome, function.memory_mb)
            self.reports.log(call.account, function.log_group_name, stream, lines)
            self.reports.ended(
                call.account, function.name, outcome.duration_s, failed=bool(outcome.error)
            )
            return _answer(outcome, lines, tail=tail)

        pool = self._pool(call, function)
        try:
            return await pool.invoke(invocation, ended, reserved=function.reserved)
        except ServiceError:
            self.reports.throttled(call.account, function.name)
            raise


def _answer(outcome: Outcome, lines: list[str], *, tail: bool) -> Response:
    response: Response = {
        "StatusCode": 200,
        "ExecutedVersion": "$LATEST",
        "Payload": outcome.payload,
    }
    if outcome.error:
        response["FunctionError"] = outcome.error
    if tail:
        response["LogResult"] = log_tail(lines)
    return response
