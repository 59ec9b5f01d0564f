"""What an HTTPS or TLS listener shows to whoever connects: certificates and a security policy.

A listener has one default certificate, and further ones that are chosen by the name that a client
asks for (SNI). They are Certificate Manager's, of the same account and region; one that is imported
anew is shown to the next who connects.

A policy fixes which versions of TLS are spoken, but none below 1.2; ciphers are OpenSSL's choice.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from antipodes.regional.elbv2 import model
from antipodes.regional.elbv2.model import SECURE_PROTOCOLS, Listener
from antipodes.regional.elbv2.registry import Registry
from antipodes.runtime.contract import Receiver
from antipodes.service.contract import Call, Host, Request, ServiceError
from antipodes.service.relay import Refusal

if TYPE_CHECKING:
    from antipodes.service.tls import Credential, ServerTls

_Key = tuple[str, tuple[tuple[str, str], ...]]  # a security policy, and certificates with keys

SERVERS_MAX = 500
CERTIFICATES_MAX = 25  # beside the default
DEFAULT_POLICY = "ELBSecurityPolicy-2016-08"
_TLS_13 = ("TLSv1.2", "TLSv1.3")
# Application Load Balancer guide, "Security policies": names, and protocols by their names.
POLICIES = {
    DEFAULT_POLICY: ("TLSv1", "TLSv1.1", "TLSv1.2"),
    "ELBSecurityPolicy-TLS13-1-2-2021-06": _TLS_13,
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06": _TLS_13,
    "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06": _TLS_13,
    "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06": _TLS_13,
    "ELBSecurityPolicy-TLS13-1-3-2021-06": ("TLSv1.3",),
    "ELBSecurityPolicy-TLS-1-2-2017-01": ("TLSv1.2",),
    "ELBSecurityPolicy-TLS-1-2-Ext-2018-06": ("TLSv1.2",),
    "ELBSecurityPolicy-FS-1-2-2019-08": ("TLSv1.2",),
    "ELBSecurityPolicy-FS-1-2-Res-2019-08": ("TLSv1.2",),
    "ELBSecurityPolicy-FS-1-2-Res-2020-10": ("TLSv1.2",),
}


class Certificates:
    """The certificates of one region's listeners."""

    def __init__(self, host: Host, registry: Registry) -> None:
        self._host = host
        self._registry = registry
        self._servers: dict[_Key, ServerTls | None] = {}

    def chosen(self, call: Call, request: Request, present: Listener | None) -> tuple[str, ...]:
        """The certificates of a listener after a request, default first; raises AWS's errors."""
        given = request.get("Certificates") or []
        protocol = request.get("Protocol") or (present.protocol if present else "")
        if protocol not in SECURE_PROTOCOLS:
            if given or request.get("SslPolicy"):
                raise model.invalid(
                    "Certificates and SslPolicy can only be specified for HTTPS and TLS listeners"
                )
            return ()
        if len(given) > 1:
            raise model.invalid("You can only specify one default certificate")
        if not given:
            if present is None or not present.certificates:
                raise model.invalid(f"A certificate must be specified for {protocol} listeners")
            return present.certificates
        arn = self._checked(call, given[0].get("CertificateArn") or "")
        others = present.certificates[1:] if present else ()
        return (arn, *(other for other in others if other != arn))

    def policy(self, request: Request, present: Listener | None) -> str:
        """The security policy of a listener after a request."""
        protocol = request.get("Protocol") or (present.protocol if present else "")
        asked: str = request.get("SslPolicy") or (present.ssl_policy if present else "")
        if asked and asked not in POLICIES:
            raise ServiceError("SSLPolicyNotFound", f"SSL policy '{asked}' not found")
        return asked or DEFAULT_POLICY if protocol in SECURE_PROTOCOLS else ""

    def added(self, call: Call, listener: Listener, arns: list[str]) -> tuple[str, ...]:
        """A listener's certificates with further ones."""
        checked = [self._checked(call, arn) for arn in arns]
        found = tuple(dict.fromkeys((*listener.certificates, *checked)))
        if len(found) > 1 + CERTIFICATES_MAX:
            raise ServiceError(
                "TooManyCertificates", f"A listener has at most {CERTIFICATES_MAX} certificates"
            )
        return found

    def _checked(self, call: Call, arn: str) -> str:
        try:
            known = self._credential(call.account, arn)
        except ServiceError:
            known = None
        if known is None:
            raise ServiceError("CertificateNotFound", f"Certificate '{arn}' not found")
        if not _usable([known]):
            raise ServiceError(
                "UnsupportedCertificate",
                f"The certificate '{arn}' must have been issued, and have a key and a signature "
                "that are supported",
            )
        return arn

    def _credential(self, account: str, arn: str) -> tuple[str, str] | None:
        acm: Any = self._host.service("acm")
        found: tuple[str, str] | None = None if acm is None else acm.credential(account, arn)
        return found

    def users(self, account: str, arn: str) -> list[str]:
        """The ARNs of the load balancers that show a certificate."""
        found: dict[str, None] = {}
        for listener in self._registry.listeners.list(account):
            if arn in listener.certificates:
                found[f"{model.prefix(listener)}:loadbalancer/{listener.balancer}"] = None
        return list(found)

    def receiver(self, listener: Listener, inner: Receiver) -> Receiver:
        """Put a listener's TLS around a connection's receiver."""
        found = [self._credential(listener.account, arn) for arn in listener.certificates]
        credentials = tuple(one for one in found if one is not None)
        key = listener.ssl_policy, credentials
        if key not in self._servers:
            if len(self._servers) >= SERVERS_MAX:
                self._servers.clear()
            self._servers[key] = self._server(*key)
        server = self._servers[key]
        return server.receiver(inner) if server is not None else Refusal()

    def _server(self, policy: str, credentials: Sequence[tuple[str, str]]) -> "ServerTls | None":
        """What shows some certificates; None where none of them can be shown.

        One that could be when it was chosen may have been imported anew with a weaker key.
        """
        usable = _usable(credentials)
        if not usable:
            return None
        # OpenSSL is slow to import, and most worlds have no TLS.
        from antipodes.service.tls import ServerTls  # noqa: PLC0415 - see above

        return ServerTls(self._host.runtime, usable, POLICIES[policy])


def _usable(credentials: Sequence[tuple[str, str]]) -> "list[Credential]":
    """Those of some certificates that were issued, and that OpenSSL takes."""
    issued = [one for one in credentials if one[0]]
    if not issued:
        return []
    from antipodes.service.tls import Credential, is_usable  # noqa: PLC0415 - slow to import

    return [made for made in (Credential(*one) for one in issued) if is_usable(made)]
