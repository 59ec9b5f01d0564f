"""AWS/GlobalAccelerator in the home region's CloudWatch, from what the edge has counted.

Every count is published for its accelerator alone, and once more for each further dimension that
AWS publishes it by: listener, endpoint group, where the endpoints are, where the clients came in,
protocol and address. The minute's numbers of all edge locations make one datum.

Source: Global Accelerator Developer Guide, "Using Amazon CloudWatch with AWS Global Accelerator".
AWS does not list its names of areas completely; here they are continents.
"""

from typing import Any

from antipodes.service.contract import Host, ServiceError
from antipodes.world.atlas import load_atlas
from antipodes.world.countries import continent_of

NAMESPACE = "AWS/GlobalAccelerator"
DATA_PER_CALL = 500
COUNTS = (
    "NewFlowCount",
    "Flows_Dropped_No_Endpoint_Found",
    "ProcessedBytesIn",
    "ProcessedBytesOut",
)
ENDPOINTS = ("HealthyEndpointCount", "UnhealthyEndpointCount")
_AREAS = {"AS": "AP", "OC": "AP"}  # other continents' codes are AWS's own names of areas

Dimensions = tuple[tuple[str, str], ...]
Told = dict[str, dict[tuple[str, Dimensions], float]]  # of an account: metric and dimensions


def told(at: float, rows: list[list[Any]], counted: list[list[Any]]) -> tuple[float, Told]:
    """Return what the edge told, added up by account, metric and dimensions."""
    totals: Told = {}
    for account, accelerator, listener, region, place, protocol, address, *counts in rows:
        whole = ("Accelerator", accelerator)
        of_listener = (whole, ("Listener", listener))
        sets: list[Dimensions] = [
            (whole,),
            of_listener,
            (whole, ("DestinationEdge", area_of_edge(place))),
            (whole, ("TransportProtocol", protocol)),
            (whole, ("AcceleratorIPAddress", address)),
        ]
        if region:
            sets.append((*of_listener, ("EndpointGroup", region)))
            sets.append((whole, ("SourceRegion", area_of_region(region))))
        of_account = totals.setdefault(account, {})
        for metric, value in zip(COUNTS, counts, strict=True):
            if value:
                for dimensions in sets:
                    key = metric, dimensions
                    of_account[key] = of_account.get(key, 0.0) + value
    for account, accelerator, listener, region, *counts in counted:
        dimensions = (
            ("Accelerator", accelerator),
            ("Listener", listener),
            ("EndpointGroup", region),
        )
        for metric, value in zip(ENDPOINTS, counts, strict=True):
            totals.setdefault(account, {})[metric, dimensions] = float(value)
    return at, totals


def area_of_region(region: str) -> str:
    """The part of the world that a region is in."""
    return _area(load_atlas().region(region).country)


def area_of_edge(place: str) -> str:
    """The part of the world that an edge location is in."""
    return _area(load_atlas().edge(place).country)


def _area(country: str) -> str:
    continent = continent_of(country)
    return _AREAS.get(continent, continent)


async def publish(host: Host, what: tuple[float, Told]) -> None:
    """Put what was told into CloudWatch, if it runs in this region."""
    if host.service("cloudwatch") is None:
        return
    at, totals = what
    for account, values in totals.items():
        data = [_datum(at, *key, value) for key, value in values.items()]
        for start in range(0, len(data), DATA_PER_CALL):
            some = {"Namespace": NAMESPACE, "MetricData": data[start : start + DATA_PER_CALL]}
            try:
                await host.call("cloudwatch", "PutMetricData", some, account=account)
            except ServiceError as error:
                host.runtime.journal.record("accelerator.traffic-refused", code=error.code)


def _datum(at: float, metric: str, dimensions: Dimensions, value: float) -> dict[str, Any]:
    return {
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": text} for name, text in dimensions],
        "Timestamp": at,
        "Unit": "Bytes" if metric.startswith("ProcessedBytes") else "Count",
        "Value": value,
    }
