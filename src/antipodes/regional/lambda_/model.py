"""Functions as records, and the rules for what a function may be.

Synchronous and without a clock: the time is an argument. A function's state is not stored but
follows from the record and the time (`Pending` until `active_at`), so it needs no background work
and survives a restart.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from antipodes.service.contract import Request, Response, ServiceError

ENVIRONMENT_BYTES_MAX = 4096
TAGS_MAX = 50
SUBNETS_MAX, GROUPS_MAX = 16, 5  # of a function in a VPC
PAYLOAD_BYTES_MAX = 6 << 20
RUNTIMES = tuple(f"python3.{minor}" for minor in range(8, 15))
RESERVED_KEYS = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SECRET_KEY",
        "AWS_SECURITY_TOKEN",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
    }
)

_NAME = re.compile(r"[a-zA-Z0-9-_]{1,64}")
_REFERENCE = re.compile(
    r"(?:(?:arn:(?P<partition>aws[a-zA-Z-]*):lambda:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):)?"
    r"(?P<account>\d{12}):function:)?(?P<name>[a-zA-Z0-9-_]{1,64})"
    r"(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)
_ROLE = re.compile(r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+")
_HANDLER = re.compile(r"[^\s]{1,128}")
_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
_LOG_GROUP = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")


class Network(msgspec.Struct, frozen=True):
    """Where in a VPC a function has interfaces."""

    vpc: str
    owner: str  # the account whose VPC it is
    subnets: tuple[str, ...]
    groups: tuple[str, ...]


class Function(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One function of one account, in one region."""

    name: str
    runtime: str
    role: str
    handler: str
    code_sha256: str  # base64, as AWS tells it
    code_bytes: int
    created_at: float
    modified_at: float
    active_at: float
    updated_at: float  # when the last update is (or was) complete
    revision: str
    generation: int = 1  # counts what its environments depend on: code and configuration
    description: str = ""
    timeout_s: int = 3
    memory_mb: int = 128
    storage_mb: int = 512
    architecture: str = "x86_64"
    environment: dict[str, str] = {}
    has_environment: bool = False
    log_group: str = ""
    tags: dict[str, str] = {}
    reserved: int | None = None  # concurrent executions
    policy: tuple[dict[str, Any], ...] = ()
    network: Network | None = None

    @property
    def log_group_name(self) -> str:
        """Where the function's log lines go."""
        return self.log_group or f"/aws/lambda/{self.name}"

    def state(self, now: float) -> str:
        """`Pending` until its environment would be ready, wherever the clock is put then."""
        return "Pending" if self.created_at <= now < self.active_at else "Active"

    def last_update(self, now: float) -> str:
        """`InProgress` until the last update is complete."""
        return "InProgress" if self.modified_at <= now < self.updated_at else "Successful"


_REFERENCES_MAX = 1024


class Reference(msgspec.Struct, frozen=True):
    """A function as a caller names it."""

    name: str
    qualifier: str


def invalid(message: str) -> ServiceError:
    """Return Lambda's usual error for a parameter it does not like."""
    return ServiceError("InvalidParameterValueException", message, 400)


def constraint(value: object, member: str, rule: str) -> ServiceError:
    """Return the error for a value that the service's model forbids."""
    return ServiceError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy "
        f"constraint: Member must {rule}",
        400,
    )


def not_found(arn: str) -> ServiceError:
    """Return the error for a function that is not there."""
    return ServiceError("ResourceNotFoundException", f"Function not found: {arn}", 404, Type="User")


def function_arn(region: str, account: str, name: str) -> str:
    """Return a function's unqualified ARN."""
    return f"arn:aws:lambda:{region}:{account}:function:{name}"


@lru_cache(_REFERENCES_MAX)
def parse_reference(text: str, region: str, account: str, qualifier: str = "") -> Reference:
    """Parse a name, a partial or a full ARN; only functions of this account and region exist."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise constraint(
            text, "functionName", f"satisfy regular expression pattern: {_REFERENCE.pattern}"
        )
    if match["region"] and match["region"] != region:
        raise ServiceError(
            "ResourceNotFoundException",
            f"Functions from '{match['region']}' are not reachable in this region ('{region}')",
            404,
            Type="User",
        )
    if match["account"] and match["account"] != account:
        raise ServiceError(
            "AccessDeniedException",
            f"Account {account} is not authorized to act on {text}: functions of other accounts "
            "cannot be reached",
            403,
        )
    if qualifier and match["qualifier"] and qualifier != match["qualifier"]:
        raise invalid(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    found = qualifier or match["qualifier"] or "$LATEST"
    if found != "$LATEST":  # there are no versions and aliases here
        raise not_found(f"{function_arn(region, account, match['name'])}:{found}")
    return Reference(match["name"], found)


def iso_time(seconds: float) -> str:
    """Return a time as Lambda's configuration shows it."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


def code_sha256(data: bytes) -> str:
    """Return the digest of a package as AWS tells it."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


# What CreateFunction and UpdateFunctionConfiguration have in common.

_REFUSED = (
    "PublishTo",
    "DeadLetterConfig",
    "KMSKeyArn",
    "Layers",
    "FileSystemConfigs",
    "CodeSigningConfigArn",
    "ImageConfig",
    "TenancyConfig",
    "CapacityProviderConfig",
    "DurableConfig",
    "RuntimeConfig",
    "AcceleratorConfig",
)


def refuse_unsupported(request: Request) -> None:
    """Refuse by name what would change how the function runs."""
    for member in _REFUSED:
        value = request.get(member)
        if value and any(value.values() if isinstance(value, dict) else [value]):
            raise invalid(f"{member} is not offered here")
    if request.get("Publish"):
        raise invalid("Publish is not offered here: there are no versions but $LATEST")
    check_network(request.get("VpcConfig") or {})
    if request.get("PackageType", "Zip") != "Zip":
        raise invalid("PackageType Image is not offered here: functions come from zip files")
    if (request.get("TracingConfig") or {}).get("Mode", "PassThrough") != "PassThrough":
        raise invalid("TracingConfig mode Active is not offered here")
    if (request.get("SnapStart") or {}).get("ApplyOn", "None") != "None":
        raise invalid("SnapStart is not offered here")


def check_network(config: Request) -> None:
    """Refuse a VpcConfig that can be nowhere."""
    if config.get("Ipv6AllowedForDualStack"):
        raise invalid("VpcConfig with Ipv6AllowedForDualStack is not offered here")
    subnets, groups = config.get("SubnetIds") or [], config.get("SecurityGroupIds") or []
    for found, member, most in (
        (subnets, "subnetIds", SUBNETS_MAX),
        (groups, "securityGroupIds", GROUPS_MAX),
    ):
        if len(found) > most:
            rule = f"have length less than or equal to {most}"
            raise constraint(found, f"vpcConfig.{member}", rule)
    if bool(subnets) != bool(groups):
        raise invalid("SubnetIds and SecurityIds must coexist or be both empty list.")


def validate_name(name: str) -> None:
    """A function's own name, no ARN."""
    if _NAME.fullmatch(name) is None:
        raise constraint(
            name, "functionName", f"satisfy regular expression pattern: {_NAME.pattern}"
        )


def _validate_runtime(runtime: object) -> None:
    if runtime not in RUNTIMES:
        raise invalid(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum "
            f"value set: [{', '.join(RUNTIMES)}]. Only Python runtimes are offered here"
        )


def _validate_between(value: int, member: str, least: int, most: int) -> None:
    if value < least:
        raise constraint(value, member, f"have value greater than or equal to {least}")
    if value > most:
        raise constraint(value, member, f"have value less than or equal to {most}")


def _validate_variables(variables: dict[str, str]) -> None:
    for key in variables:
        if _VARIABLE.fullmatch(key) is None:
            raise constraint(
                key,
                "environment.variables",
                f"satisfy regular expression pattern: {_VARIABLE.pattern}",
            )
    reserved = [key for key in variables if key in RESERVED_KEYS]
    if reserved:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided contains reserved keys that are currently not supported "
            f"for modification. Reserved keys used in this request: {', '.join(reserved)}"
        )
    size = sum(len(key.encode()) + len(value.encode()) for key, value in variables.items())
    if size > ENVIRONMENT_BYTES_MAX:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment "
            f"variables you have provided exceeded the 4KB limit. Bytes measured: {size}"
        )
    for key, value in variables.items():
        if "\0" in value:
            raise invalid(f"The value of environment variable {key} contains a null character")


def configuration_changes(request: Request) -> dict[str, Any]:
    """Return the record's fields that a request sets, all validated."""
    refuse_unsupported(request)
    fields: dict[str, Any] = {}
    for member, field, check in _PLAIN_MEMBERS:
        if (value := request.get(member)) is not None:
            check(value)
            fields[field] = value
    if (storage := (request.get("EphemeralStorage") or {}).get("Size")) is not None:
        _validate_between(storage, "ephemeralStorage.size", 512, 10_240)
        fields["storage_mb"] = storage
    if (environment := request.get("Environment")) is not None:
        variables = dict(environment.get("Variables") or {})
        _validate_variables(variables)
        fields["environment"] = variables
        fields["has_environment"] = True
    if (logging := request.get("LoggingConfig")) is not None:
        fields["log_group"] = _log_group(logging)
    if (architectures := request.get("Architectures")) is not None:
        fields["architecture"] = architecture_of(architectures)
    return fields


def _validate_role(role: str) -> None:
    if _ROLE.fullmatch(role) is None:
        raise constraint(role, "role", f"satisfy regular expression pattern: {_ROLE.pattern}")


def _validate_handler(handler: str) -> None:
    if _HANDLER.fullmatch(handler) is None:
        pattern = f"satisfy regular expression pattern: {_HANDLER.pattern}"
        raise constraint(handler, "handler", pattern)


def _validate_description(description: str) -> None:
    if len(description) > 256:  # noqa: PLR2004 - botocore's model
        raise constraint(description, "description", "have length less than or equal to 256")


# A request's member, the record's field, and what it must satisfy.
_PLAIN_MEMBERS: tuple[tuple[str, str, Callable[[Any], None]], ...] = (
    ("Runtime", "runtime", _validate_runtime),
    ("Role", "role", _validate_role),
    ("Handler", "handler", _validate_handler),
    ("Description", "description", _validate_description),
    ("Timeout", "timeout_s", lambda value: _validate_between(value, "timeout", 1, 900)),
    ("MemorySize", "memory_mb", lambda value: _validate_between(value, "memorySize", 128, 10_240)),
)


def _log_group(logging: Request) -> str:
    if logging.get("LogFormat", "Text") != "Text":
        raise invalid("LoggingConfig LogFormat JSON is not offered here: log lines are text")
    if logging.get("ApplicationLogLevel") or logging.get("SystemLogLevel"):
        raise invalid("Log levels can only be set with the log format JSON")
    group: str = logging.get("LogGroup") or ""
    if group and _LOG_GROUP.fullmatch(group) is None:
        raise constraint(
            group,
            "loggingConfig.logGroup",
            f"satisfy regular expression pattern: {_LOG_GROUP.pattern}",
        )
    return group


def architecture_of(architectures: list[str]) -> str:
    """Return the one architecture of a request."""
    if len(architectures) != 1 or architectures[0] not in {"x86_64", "arm64"}:
        raise constraint(
            architectures, "architectures", "satisfy enum value set: [x86_64, arm64], one of them"
        )
    return architectures[0]


def validate_tags(tags: dict[str, str]) -> None:
    """At most fifty tags, no reserved keys."""
    for key, value in tags.items():
        if key.startswith("aws:"):
            raise invalid(f"The tag key {key} is reserved: keys cannot start with 'aws:'")
        if not 1 <= len(key) <= 128 or len(value) > 256:  # noqa: PLR2004 - tagging's own limits
            raise invalid(f"The tag {key} is too long: keys 1 to 128, values up to 256 characters")
    if len(tags) > TAGS_MAX:
        raise invalid(f"The resource would have {len(tags)} tags; at most {TAGS_MAX} are allowed")


def describe(function: Function, arn: str, now: float) -> Response:
    """Return the function's configuration as AWS shows it."""
    state = function.state(now)
    configuration: Response = {
        "FunctionName": function.name,
        "FunctionArn": arn,
        "Runtime": function.runtime,
        "Role": function.role,
        "Handler": function.handler,
        "CodeSize": function.code_bytes,
        "Description": function.description,
        "Timeout": function.timeout_s,
        "MemorySize": function.memory_mb,
        "LastModified": iso_time(function.modified_at),
        "CodeSha256": function.code_sha256,
        "Version": "$LATEST",
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": function.revision,
        "State": state,
        "LastUpdateStatus": function.last_update(now),
        "PackageType": "Zip",
        "Architectures": [function.architecture],
        "EphemeralStorage": {"Size": function.storage_mb},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": function.log_group_name},
    }
    if state == "Pending":
        configuration["StateReason"] = "The function is being created."
        configuration["StateReasonCode"] = "Creating"
    if function.has_environment:
        configuration["Environment"] = {"Variables": dict(function.environment)}
    if function.network is not None:
        configuration["VpcConfig"] = {
            "SubnetIds": list(function.network.subnets),
            "SecurityGroupIds": list(function.network.groups),
            "VpcId": function.network.vpc,
            "Ipv6AllowedForDualStack": False,
        }
    return configuration
