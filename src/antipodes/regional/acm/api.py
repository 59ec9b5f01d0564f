"""AWS Certificate Manager's operations."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from antipodes.regional.acm import model
from antipodes.regional.acm.model import Authority, Certificate
from antipodes.regional.acm.validation import Validation
from antipodes.service.contract import (
    Call,
    Host,
    Operations,
    Request,
    Response,
    Service,
    ServiceError,
)
from antipodes.service.records import Records

if TYPE_CHECKING:
    from antipodes.regional.acm.certificates import Facts

operations = Operations()
replace = msgspec.structs.replace
CERTIFICATES_MAX = 2500
SERIAL_BITS = 127
ITEMS_MAX = 1000
_HOUR_S = 3600.0
_KEY_ALGORITHMS = ("RSA_2048", "EC_prime256v1", "EC_secp384r1")
_LISTED_ALGORITHMS = ("RSA_1024", "RSA_2048")
SUMMARY_NAMES_MAX = 100


class Acm(Service):
    """Certificate Manager in one region."""

    name = "acm"
    operations = operations

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.certificates = Records(host.store, "acm/certificate", Certificate)
        self._authority = Records(host.store, "acm/authority", Authority)
        self._chance = host.runtime.chance("acm/ids")
        self.validation = Validation(host, self.certificates, self._issue)

    async def start(self) -> None:
        """Go on with what waits for its proof."""
        self.validation.begin()

    def new_id(self) -> str:
        """A new certificate's id."""
        drawn = f"{self.host.runtime.wall()} {self._chance.getrandbits(64)}"
        hexed = hashlib.sha256(drawn.encode()).hexdigest()
        return "-".join((hexed[:8], hexed[8:12], hexed[12:16], hexed[16:20], hexed[20:32]))

    def put(self, certificate: Certificate) -> None:
        """Keep a certificate."""
        self.certificates.put(certificate.account, certificate.id, certificate)

    def find(self, call: Call, arn: str) -> Certificate:
        """Return the caller's certificate of that ARN; raises ResourceNotFoundException."""
        region, account, key = model.parse_arn(arn)
        found = self.certificates.get(account, key)
        if found is None or (region, account) != (call.region, call.account):
            raise model.not_found(arn)
        return found

    def authority(self) -> Authority:
        """The region's certificate authority, made when it is first needed."""
        found = self._authority.get("", self.host.place)
        if found is None:
            made = _certificates().new_authority(
                f"Antipodes {self.host.place}",
                self.host.runtime.wall(),
                self._chance.getrandbits(SERIAL_BITS) + 1,
            )
            found = Authority(made.certificate, made.key)
            self._authority.put("", self.host.place, found)
        return found

    def _issue(self, certificate: Certificate) -> None:
        """All names of a certificate are proved: make it."""
        authority = self.authority()
        made = _certificates().issue(
            _certificates().Pair(authority.certificate, authority.key),
            certificate.names,
            certificate.key_algorithm,
            self.host.runtime.wall(),
            self._chance.getrandbits(SERIAL_BITS) + 1,
        )
        self.put(
            replace(
                certificate,
                status=model.ISSUED,
                certificate=made.certificate,
                chain=authority.certificate,
                key=made.key,
                issued_at=self.host.runtime.wall(),
            )
        )

    def credential(self, account: str, arn: str) -> tuple[str, str] | None:
        """Chain and key as PEM, for the region's load balancers; None: no such certificate.

        Both are empty until it is issued.
        """
        region, owner, key = model.parse_arn(arn)
        found = self.certificates.get(owner, key)
        if found is None or (region, owner) != (self.host.place, account):
            return None
        return found.certificate + found.chain, found.key

    def users(self, certificate: Certificate) -> list[str]:
        """The ARNs of the load balancers that serve it."""
        balancing: Any = self.host.service("elbv2")
        if balancing is None:
            return []
        found: list[str] = balancing.certificates.users(certificate.account, certificate.arn)
        return found


def _certificates() -> Any:
    """Cryptography is slow to import, and most worlds have no certificate."""
    from antipodes.regional.acm import certificates  # noqa: PLC0415 - see above

    return certificates


@operations("RequestCertificate")
def request_certificate(service: Acm, call: Call, request: Request) -> Response:
    if request.get("CertificateAuthorityArn") or request.get("ManagedBy"):
        raise ServiceError(
            "ValidationException", "Private and managed certificates are not offered"
        )
    names = [request["DomainName"], *(request.get("SubjectAlternativeNames") or ())]
    names = list(dict.fromkeys(model.check_domain(name) for name in names))
    if len(names) > model.NAMES_MAX:
        raise ServiceError(
            "LimitExceededException", f"A certificate has at most {model.NAMES_MAX} names"
        )
    if len(names[0]) > model.SUBJECT_LENGTH_MAX:
        raise ServiceError(
            "ValidationException",
            f"The first domain name has at most {model.SUBJECT_LENGTH_MAX} characters",
        )
    algorithm = request.get("KeyAlgorithm") or "RSA_2048"
    if algorithm not in _KEY_ALGORITHMS:
        raise ServiceError("ValidationException", f"{algorithm} cannot be requested of ACM")
    method = request.get("ValidationMethod") or "EMAIL"
    if method == "HTTP":
        raise ServiceError("ValidationException", "HTTP validation is for CloudFront only")
    tags = model.merge_tags({}, request.get("Tags"))
    transparency = model.check_options(request.get("Options") or {}, method)
    domains = model.validation_domains(names, request.get("DomainValidationOptions"))
    token = request.get("IdempotencyToken") or ""
    wall = service.host.runtime.wall()
    for known in service.certificates.list(call.account) if token else ():
        same = (known.token, known.names, known.method) == (token, tuple(names), method)
        if same and known.domain == names[0] and wall - known.created_at < _HOUR_S:
            return {"CertificateArn": known.arn}
    _check_room(service, call)
    certificate = Certificate(
        account=call.account,
        region=call.region,
        id=service.new_id(),
        domain=names[0],
        names=tuple(names),
        kind=model.AMAZON,
        status=model.PENDING,
        key_algorithm=algorithm,
        created_at=wall,
        method=method,
        token=token,
        transparency=transparency or "ENABLED",
        tags=tags,
        validation_domains=domains,
    )
    service.put(certificate)
    service.validation.begin()
    return {"CertificateArn": certificate.arn}


def _check_room(service: Acm, call: Call) -> None:
    if service.certificates.count(call.account) >= CERTIFICATES_MAX:
        raise ServiceError(
            "LimitExceededException", f"An account has at most {CERTIFICATES_MAX} certificates"
        )


@operations("ImportCertificate")
def import_certificate(service: Acm, call: Call, request: Request) -> Response:
    pem, key = request["Certificate"].decode("latin-1"), request["PrivateKey"].decode("latin-1")
    chain = (request.get("CertificateChain") or b"").decode("latin-1")
    made = _certificates()
    try:
        facts = made.facts_of(pem)
        made.check_pair(pem, key)
        if chain:
            made.check_chain(pem, chain)
    except ValueError as error:
        raise ServiceError("ValidationException", str(error)) from None
    wall = service.host.runtime.wall()
    if not facts.begins <= wall <= facts.ends:
        raise ServiceError("ValidationException", "The certificate is not in its validity period.")
    if not facts.names:
        raise ServiceError("ValidationException", "The certificate has no domain name.")
    arn = request.get("CertificateArn")
    present = service.find(call, arn) if arn else None
    if present is not None and present.kind != model.IMPORTED:
        raise ServiceError("ValidationException", f"{arn} is not an imported certificate.")
    if present is not None and request.get("Tags"):
        raise ServiceError("InvalidTagException", "Tags cannot be given when importing anew.")
    tags = present.tags if present else model.merge_tags({}, request.get("Tags"))
    if present is None:
        _check_room(service, call)
    certificate = Certificate(
        account=call.account,
        region=call.region,
        id=present.id if present else service.new_id(),
        domain=facts.names[0],
        names=facts.names,
        kind=model.IMPORTED,
        status=model.ISSUED,
        key_algorithm=facts.key_algorithm,
        created_at=present.created_at if present else wall,
        certificate=pem if pem.endswith("\n") else pem + "\n",
        chain=chain,
        key=key,
        issued_at=wall,
        tags=tags,
    )
    service.put(certificate)
    return {"CertificateArn": certificate.arn}


@operations("DescribeCertificate")
def describe_certificate(service: Acm, call: Call, request: Request) -> Response:
    certificate = service.find(call, request["CertificateArn"])
    facts = _facts(certificate)
    described: dict[str, Any] = {
        "CertificateArn": certificate.arn,
        "DomainName": certificate.domain,
        "SubjectAlternativeNames": list(certificate.names),
        "Status": _status(service, certificate, facts),
        "Type": certificate.kind,
        "CertificateKeyPairOrigin": certificate.origin,
        "KeyAlgorithm": certificate.key_algorithm,
        "CreatedAt": certificate.created_at,
        "InUseBy": service.users(certificate),
        "RenewalEligibility": "INELIGIBLE",
        "Options": {
            "CertificateTransparencyLoggingPreference": certificate.transparency,
            "Export": "DISABLED",
        },
        "KeyUsages": [],
        "ExtendedKeyUsages": [],
    }
    if certificate.kind == model.AMAZON:
        described["DomainValidationOptions"] = model.validation_options(certificate)
    else:
        described["ImportedAt"] = certificate.issued_at
    if facts is not None:
        described |= {
            "Serial": facts.serial,
            "Subject": facts.subject,
            "Issuer": facts.issuer,
            "SignatureAlgorithm": facts.signature_algorithm,
            "NotBefore": facts.begins,
            "NotAfter": facts.ends,
            "KeyUsages": [{"Name": name} for name in facts.key_usages],
            "ExtendedKeyUsages": [
                {"Name": name, **({"OID": oid} if oid else {})}
                for name, oid in facts.extended_key_usages
            ],
        }
        if certificate.kind == model.AMAZON:
            described["IssuedAt"] = certificate.issued_at
            eligible = bool(described["InUseBy"])
            described["RenewalEligibility"] = "ELIGIBLE" if eligible else "INELIGIBLE"
    return {"Certificate": described}


def _facts(certificate: Certificate) -> "Facts | None":
    """What a certificate says of itself, once it is there."""
    if not certificate.certificate:
        return None
    facts: Facts = _certificates().facts_of(certificate.certificate)
    return facts


def _status(service: Acm, certificate: Certificate, facts: "Facts | None") -> str:
    has_ended = facts is not None and facts.ends < service.host.runtime.wall()
    return model.EXPIRED if has_ended else certificate.status


@operations("GetCertificate")
def get_certificate(service: Acm, call: Call, request: Request) -> Response:
    certificate = service.find(call, request["CertificateArn"])
    if not certificate.certificate:
        raise ServiceError(
            "RequestInProgressException",
            f"Certificate {certificate.arn} is not issued yet.",
        )
    answer = {"Certificate": certificate.certificate}
    return {**answer, "CertificateChain": certificate.chain} if certificate.chain else answer


@operations("ListCertificates")
def list_certificates(service: Acm, call: Call, request: Request) -> Response:
    if bool(request.get("SortBy")) != bool(request.get("SortOrder")):
        raise ServiceError("InvalidArgsException", "SortBy and SortOrder go together.")
    known = service.certificates.list(call.account)
    if request.get("SortBy"):
        falling = request["SortOrder"] == "DESCENDING"
        known = sorted(known, key=lambda one: (one.created_at, one.id), reverse=falling)
    summaries = [_summary(service, certificate) for certificate in known]
    return _page([one for one in summaries if _is_wanted(one, request)], request)


def _summary(service: Acm, certificate: Certificate) -> dict[str, Any]:
    facts = _facts(certificate)
    summary: dict[str, Any] = {
        "CertificateArn": certificate.arn,
        "DomainName": certificate.domain,
        "SubjectAlternativeNameSummaries": list(certificate.names[:SUMMARY_NAMES_MAX]),
        "HasAdditionalSubjectAlternativeNames": len(certificate.names) > SUMMARY_NAMES_MAX,
        "Status": _status(service, certificate, facts),
        "Type": certificate.kind,
        "CertificateKeyPairOrigin": certificate.origin,
        "KeyAlgorithm": certificate.key_algorithm,
        "KeyUsages": [],
        "ExtendedKeyUsages": [],
        "ExportOption": "DISABLED",
        "InUse": bool(service.users(certificate)),
        "CreatedAt": certificate.created_at,
    }
    if facts is not None:
        at = "IssuedAt" if certificate.kind == model.AMAZON else "ImportedAt"
        summary |= {
            "KeyUsages": list(facts.key_usages),
            "ExtendedKeyUsages": [name for name, _ in facts.extended_key_usages],
            "NotBefore": facts.begins,
            "NotAfter": facts.ends,
            at: certificate.issued_at,
        }
    return summary


def _is_wanted(summary: dict[str, Any], request: Request) -> bool:
    """Whether a certificate passes a list's filters; without any, only some keys do, as in AWS."""
    includes = request.get("Includes") or {}
    options = [includes["exportOption"]] if includes.get("exportOption") else []
    return (
        _is_any(request.get("CertificateStatuses"), [summary["Status"]])
        and _is_any(request.get("CertificateKeyPairOrigins"), [summary["CertificateKeyPairOrigin"]])
        and _is_any(includes.get("keyTypes") or _LISTED_ALGORITHMS, [summary["KeyAlgorithm"]])
        and _is_any(includes.get("keyUsage"), summary["KeyUsages"])
        and _is_any(includes.get("extendedKeyUsage"), summary["ExtendedKeyUsages"])
        and _is_any(options, [summary["ExportOption"]])
        and not includes.get("managedBy")  # by CloudFront, which is not here
    )


def _is_any(wanted: Sequence[str] | None, found: Sequence[str]) -> bool:
    return not wanted or any(one in wanted for one in found)


def _page(found: list[dict[str, Any]], request: Request) -> Response:
    """A page of summaries; a token is the ARN that the page before ended with."""
    token, most = request.get("NextToken"), request.get("MaxItems") or ITEMS_MAX
    start = 0
    if token:
        arns = [one["CertificateArn"] for one in found]
        if token not in arns:
            raise ServiceError("ValidationException", "The pagination token is not valid.")
        start = arns.index(token) + 1
    page = found[start : start + most]
    more = {"NextToken": page[-1]["CertificateArn"]} if start + most < len(found) else {}
    return {"CertificateSummaryList": page, **more}


@operations("DeleteCertificate")
def delete_certificate(service: Acm, call: Call, request: Request) -> Response:
    certificate = service.find(call, request["CertificateArn"])
    if service.users(certificate):
        raise ServiceError(
            "ResourceInUseException",
            f"Certificate {certificate.arn} in account {call.account} is in use.",
        )
    service.certificates.delete(certificate.account, certificate.id)
    return {}


@operations("UpdateCertificateOptions")
def update_certificate_options(service: Acm, call: Call, request: Request) -> Response:
    certificate = service.find(call, request["CertificateArn"])
    if certificate.kind != model.AMAZON:
        raise ServiceError("InvalidStateException", "An imported certificate has no options.")
    wanted = model.check_options(request["Options"], certificate.method)
    service.put(replace(certificate, transparency=wanted or certificate.transparency))
    return {}


@operations("AddTagsToCertificate")
def add_tags_to_certificate(service: Acm, call: Call, request: Request) -> Response:
    certificate = service.find(call, request["CertificateArn"])
    service.put(replace(certificate, tags=model.merge_tags(certificate.tags, request["Tags"])))
    return {}


@operations("RemoveTagsFromCertificate")
def remove_tags_from_certificate(service: Acm, call: Call, request: Request) -> Response:
    certificate = service.find(call, request["CertificateArn"])
    tags = dict(certificate.tags)
    for tag in request["Tags"]:
        # With a value, only that value is taken away.
        if "Value" not in tag or tags.get(tag["Key"]) == tag["Value"]:
            tags.pop(tag["Key"], None)
    service.put(replace(certificate, tags=tags))
    return {}


@operations("ListTagsForCertificate")
def list_tags_for_certificate(service: Acm, call: Call, request: Request) -> Response:
    tags = service.find(call, request["CertificateArn"]).tags
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
