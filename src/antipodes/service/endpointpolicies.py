"""What the policy of a VPC endpoint lets pass: asked about each call that comes by the endpoint.

A call asks for an action, which mostly has its operation's name, on what it names. Of DynamoDB's
these are tables and indexes, and each part of a transaction is an action of its own; of all other
services, and of PartiQL's statements, it is not looked what they name: they ask for `*`, which a
statement with the Resource `*` fits alone.

Source: Service Authorization Reference; AWS PrivateLink Guide, "Control access to VPC endpoints
using endpoint policies"; DynamoDB Developer Guide, "IAM and transactions".
"""

from collections.abc import Iterator

from antipodes.service import policydocuments
from antipodes.service.contract import Call, Request, ServiceError
from antipodes.service.policydocuments import ACCOUNT, ENDPOINT, VPC, Asked
from antipodes.wire import models

_FORBIDDEN = 403  # DynamoDB answers 400, as the dispatcher knows
_PREFIXES = {"monitoring": "cloudwatch"}  # of actions, where they are not what is signed for
_ACTIONS = {"lambda:Invoke": "lambda:InvokeFunction"}
_PARTS = {
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_CODES = {"ec2": "UnauthorizedOperation"}  # others by protocol


class EndpointPolicy:
    """The policy of one endpoint in one network: a `Permit`."""

    def __init__(self, document: str, vpc: str, endpoint: str) -> None:
        self._document = document
        self._vpc = vpc
        self._endpoint = endpoint

    def __call__(self, service: str, operation: str, call: Call, request: Request) -> None:
        """Raise the service's own word for what is denied, unless the policy allows a call."""
        context = {ACCOUNT: call.account, VPC: self._vpc, ENDPOINT: self._endpoint}
        who = call.principal_arn or f"arn:aws:iam::{call.account}:root"
        for action, resource in _asked(service, operation, call, request):
            asked = Asked(call.account, who, action, resource, context)
            if not policydocuments.allows(self._document, asked):
                raise ServiceError(
                    _code(service),
                    f"User: {who} is not authorized to perform: {action} on resource: {resource} "
                    f"because no VPC endpoint policy allows the {action} action",
                    _FORBIDDEN,
                )


def _code(service: str) -> str:
    if service in _CODES:
        return _CODES[service]
    return (
        "AccessDenied"
        if models.service(service).protocol in {"query", "rest-xml"}
        else ("AccessDeniedException")
    )


def _asked(service: str, operation: str, call: Call, request: Request) -> Iterator[tuple[str, str]]:
    """Actions, with what they are done to."""
    signed = models.signing_name(service)
    prefix = _PREFIXES.get(signed, signed)
    action = f"{prefix}:{operation}"
    if service != "dynamodb":
        yield _ACTIONS.get(action, action), "*"
        return

    def table(name: str) -> str:
        if name.startswith("arn:"):
            return name
        return f"arn:aws:dynamodb:{call.region}:{call.account}:table/{name}"

    if "TransactItems" in request:
        for part in request["TransactItems"]:
            for kind, wanted in part.items():
                yield f"{prefix}:{_PARTS[kind]}", table(wanted["TableName"])
    elif "RequestItems" in request:
        for name in request["RequestItems"]:
            yield action, table(name)
    elif "TableName" in request:
        index = f"/index/{request['IndexName']}" if request.get("IndexName") else ""
        yield action, table(request["TableName"]) + index
    else:
        yield action, "*"
