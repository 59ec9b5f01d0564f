"""Control planes and data planes: which operations of an API change what is there, and where.

A control plane makes, describes, changes and removes; a data plane does what the service is there
for. The two fail apart, and AWS builds so that the second goes on without the first (AWS Fault
Isolation Boundaries, "control planes and data planes" and appendix B; facts/edge.md, section 2).
Most data planes are no part of any API: DNS answers, flows, balancers' traffic. The few operations
that are, are named here; all others belong to the control plane, reads too.
"""

from collections.abc import Mapping

# Where the control planes of AWS's global services are (facts/edge.md, section 2).
HOMES: Mapping[str, str] = {
    "cloudfront": "us-east-1",
    "globalaccelerator": "us-west-2",
    "iam": "us-east-1",
    "route53": "us-east-1",
    "route53-recovery-control-config": "us-west-2",
    "route53-recovery-readiness": "us-west-2",
}

# Where a recovery cluster's endpoints are (ARC developer guide, endpoints and quotas).
CLUSTER_REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-northeast-1", "ap-southeast-2")

# APIs that are nothing but data plane.
DATA_PLANES = frozenset({"dynamodbstreams", "route53-recovery-cluster", "sts"})

DATA_OPERATIONS: Mapping[str, frozenset[str]] = {
    "cloudwatch": frozenset({"GetMetricData", "GetMetricStatistics", "PutMetricData"}),
    "dynamodb": frozenset(
        {
            "BatchExecuteStatement",
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "ExecuteStatement",
            "ExecuteTransaction",
            "GetItem",
            "PutItem",
            "Query",
            "Scan",
            "TransactGetItems",
            "TransactWriteItems",
            "UpdateItem",
        }
    ),
    "lambda": frozenset({"Invoke", "InvokeAsync", "InvokeWithResponseStream"}),
    "logs": frozenset({"FilterLogEvents", "GetLogEvents", "PutLogEvents"}),
    "servicediscovery": frozenset({"DiscoverInstances", "DiscoverInstancesRevision"}),
}
_NONE: frozenset[str] = frozenset()


def is_control(service: str, operation: str) -> bool:
    """Whether an operation needs its service's control plane."""
    return service not in DATA_PLANES and operation not in DATA_OPERATIONS.get(service, _NONE)
