"""EC2's operations on customer gateways: what AWS is told of the routers of customers' sites."""

from ipaddress import AddressValueError, IPv4Address

from antipodes.regional.ec2 import hubs, kinds, shownvpn, vpnfilters, vpns
from antipodes.regional.ec2.answering import check_dry_run, described, not_offered
from antipodes.regional.ec2.modelvpn import CustomerGateway
from antipodes.regional.ec2.service import Ec2, operations
from antipodes.regional.ec2.tags import tags_given
from antipodes.service.contract import Call, Request, Response, ServiceError

GATEWAYS_MAX = 50  # of an account in a region, by AWS's default quota
_DEVICE_LENGTH_MAX = 255
_ASN_RANGES = {
    "BgpAsn": range(1, 2_147_483_648),
    "BgpAsnExtended": range(2_147_483_648, 4_294_967_296),
}
_RESERVED_ASNS = {  # and where
    7224: "",
    9059: "eu-west-1",
    10124: "ap-northeast-1",
    17943: "ap-southeast-1",
}


@operations("CreateCustomerGateway")
def create_customer_gateway(service: Ec2, call: Call, request: Request) -> Response:
    """Make a gateway; what differs in nothing from one that is there is that one."""
    estate, account = service.estate, call.account
    not_offered(request, ("CertificateArn",))
    vpns.check_type(request)
    wanted = CustomerGateway(
        "", account, _address(request), _asn(service, request), request.get("DeviceName") or ""
    )
    if len(wanted.device) > _DEVICE_LENGTH_MAX:
        raise ServiceError(
            "InvalidParameterValue",
            f"DeviceName is longer than {_DEVICE_LENGTH_MAX} characters.",
        )
    tags = tags_given(request.get("TagSpecifications") or [], kinds.CUSTOMER_GATEWAY.resource)
    for one in estate.customers.list(account):
        if (one.address, one.asn, one.device) == (wanted.address, wanted.asn, wanted.device):
            check_dry_run(request)
            return {"CustomerGateway": shownvpn.customer_gateway(estate, one)}
    if estate.customers.count(account) >= GATEWAYS_MAX:
        raise ServiceError(
            "CustomerGatewayLimitExceeded",
            "The maximum number of customer gateways has been reached.",
        )
    check_dry_run(request)
    made = CustomerGateway(
        estate.customers.new_id(), account, wanted.address, wanted.asn, wanted.device
    )
    estate.customers.put(account, made.id, made)
    estate.tag(account, made.id, tags)
    return {"CustomerGateway": shownvpn.customer_gateway(estate, made)}


def _address(request: Request) -> str:
    """The address of the router's outer interface; one of IPv6 needs tunnels that are not here."""
    text = request.get("IpAddress") or request.get("PublicIp")
    if not text:
        raise ServiceError("MissingParameter", "The request must contain the parameter IpAddress")
    try:
        return str(IPv4Address(text))
    except AddressValueError:
        raise ServiceError(
            "InvalidParameterValue",
            f"Value ({text}) for parameter ipAddress is invalid. It is no IPv4 address.",
        ) from None


def _asn(service: Ec2, request: Request) -> int:
    given = [member for member in _ASN_RANGES if request.get(member) is not None]
    if not given:
        return CustomerGateway("", "", "").asn
    if len(given) > 1:
        raise ServiceError(
            "InvalidParameterCombination", "You may specify BgpAsn or BgpAsnExtended, not both."
        )
    member = given[0]
    number: int = request[member]
    is_reserved = _RESERVED_ASNS.get(number) in {"", service.host.place}
    if number not in _ASN_RANGES[member] or is_reserved:
        raise ServiceError(
            "InvalidParameterValue", f"Value ({number}) for parameter {member} is invalid."
        )
    return number


@operations("DescribeCustomerGateways")
def describe_customer_gateways(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    seen = hubs.seen(estate, estate.customers, estate.ended_customers, call.account)
    found = [shownvpn.customer_gateway(estate, one) for one in seen]
    return described(kinds.CUSTOMER_GATEWAY, found, request, vpnfilters.CUSTOMER_FILTERS)


@operations("DeleteCustomerGateway")
def delete_customer_gateway(service: Ec2, call: Call, request: Request) -> Response:
    estate = service.estate
    gateway = estate.customers.get(call.account, request["CustomerGatewayId"])
    if any(one.customer == gateway.id for one in estate.vpns.list(call.account)):
        raise ServiceError("IncorrectState", "The customer gateway is in use.")
    check_dry_run(request)
    hubs.end(estate, estate.customers, estate.ended_customers, gateway)
    return {}
