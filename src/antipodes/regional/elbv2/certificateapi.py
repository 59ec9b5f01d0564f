"""Operations on the certificates of listeners, and on security policies."""

import msgspec

from antipodes.regional.elbv2 import model
from antipodes.regional.elbv2.certificates import POLICIES
from antipodes.regional.elbv2.control import page_of
from antipodes.regional.elbv2.model import SECURE_PROTOCOLS, Listener
from antipodes.regional.elbv2.service import ElbV2, operations
from antipodes.service.contract import Call, Request, Response, ServiceError

replace = msgspec.structs.replace


def _secured(service: ElbV2, call: Call, request: Request) -> Listener:
    listener = service.registry.listener(call, request["ListenerArn"])
    if listener.protocol not in SECURE_PROTOCOLS:
        raise model.invalid("Certificates can only be specified for HTTPS and TLS listeners")
    return listener


def _arns(request: Request) -> list[str]:
    found = [one.get("CertificateArn") or "" for one in request["Certificates"]]
    if any(one.get("IsDefault") for one in request["Certificates"]):
        raise model.invalid("You cannot specify IsDefault here")
    return found


@operations("AddListenerCertificates")
def add_listener_certificates(service: ElbV2, call: Call, request: Request) -> Response:
    listener = _secured(service, call, request)
    arns = _arns(request)
    found = service.certificates.added(call, listener, arns)
    service.registry.put(replace(listener, certificates=found))
    return {"Certificates": [{"CertificateArn": arn, "IsDefault": False} for arn in arns]}


@operations("RemoveListenerCertificates")
def remove_listener_certificates(service: ElbV2, call: Call, request: Request) -> Response:
    listener = _secured(service, call, request)
    arns = _arns(request)
    default, *others = listener.certificates
    if default in arns:
        raise ServiceError("OperationNotPermitted", "The default certificate cannot be removed")
    left = (default, *(arn for arn in others if arn not in arns))
    service.registry.put(replace(listener, certificates=left))
    return {}


@operations("DescribeListenerCertificates")
def describe_listener_certificates(service: ElbV2, call: Call, request: Request) -> Response:
    listener = _secured(service, call, request)
    page, more = page_of(listener.certificates, request)
    default = listener.certificates[0]
    shown = [{"CertificateArn": arn, "IsDefault": arn == default} for arn in page]
    return {"Certificates": shown, **more}


@operations("DescribeSSLPolicies")
def describe_ssl_policies(service: ElbV2, call: Call, request: Request) -> Response:
    names = request.get("Names") or list(POLICIES)
    if request.get("LoadBalancerType") not in {None, "application", "network"}:
        raise model.invalid("LoadBalancerType must be application or network")
    for name in names:
        if name not in POLICIES:
            raise ServiceError("SSLPolicyNotFound", f"SSL policy '{name}' not found")
    page, more = page_of(names, request)
    shown = [
        {
            "Name": name,
            "SslProtocols": list(POLICIES[name]),
            "SupportedLoadBalancerTypes": ["application", "network"],
        }
        for name in page
    ]
    return {"SslPolicies": shown, **more}
