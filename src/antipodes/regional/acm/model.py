"""What Certificate Manager keeps, and how it is told of."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from antipodes.service.contract import ServiceError

ISSUED, PENDING, TIMED_OUT = "ISSUED", "PENDING_VALIDATION", "VALIDATION_TIMED_OUT"
EXPIRED = "EXPIRED"
AMAZON, IMPORTED = "AMAZON_ISSUED", "IMPORTED"
TAGS_MAX = 50
NAMES_MAX = 100  # of one certificate; the default quota is 10, and is raised on request
_ARN = re.compile(r"arn:aws:acm:([a-z0-9-]+):([0-9]{12}):certificate/([0-9a-f-]{36})")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)+{_LABEL}", re.IGNORECASE)
_LENGTH_MAX = 253
SUBJECT_LENGTH_MAX = 64  # of the first name, which is the certificate's common name
_MAILBOXES = ("admin", "administrator", "hostmaster", "postmaster", "webmaster")


class Certificate(msgspec.Struct, frozen=True):
    """A certificate, or the wish for one; times in Unix seconds."""

    account: str
    region: str
    id: str
    domain: str
    names: tuple[str, ...]
    kind: str
    status: str
    key_algorithm: str
    created_at: float
    method: str = ""
    certificate: str = ""  # PEM, as the rest
    chain: str = ""
    key: str = ""
    issued_at: float = 0.0
    token: str = ""
    transparency: str = "ENABLED"
    tags: dict[str, str] = {}
    validated: tuple[str, ...] = ()  # the names whose records were seen
    validation_domains: dict[str, str] = {}  # to which mail is sent, where that was chosen

    @property
    def arn(self) -> str:
        """The ARN."""
        return f"arn:aws:acm:{self.region}:{self.account}:certificate/{self.id}"

    @property
    def origin(self) -> str:
        """Whose key it is."""
        return "CUSTOMER_PROVIDED" if self.kind == IMPORTED else "AWS_MANAGED"


class Authority(msgspec.Struct, frozen=True):
    """The region's own certificate authority, as PEM."""

    certificate: str
    key: str


def parse_arn(arn: str) -> tuple[str, str, str]:
    """Return region, account and id of an ARN; raises InvalidArnException."""
    found = _ARN.fullmatch(arn)
    if found is None:
        raise ServiceError("InvalidArnException", f"The specified ARN is not valid: {arn}")
    return found[1], found[2], found[3]


def not_found(arn: str) -> ServiceError:
    """Return the error for a certificate that is not there."""
    return ServiceError("ResourceNotFoundException", f"Could not find certificate {arn}.")


def check_domain(name: str) -> str:
    """Return a domain name in lower case; raises ValidationException."""
    if len(name) > _LENGTH_MAX or _DOMAIN.fullmatch(name) is None:
        raise ServiceError("ValidationException", f"{name} is not a valid domain name")
    return name.lower()


def validation_domains(
    names: Sequence[str], options: Sequence[dict[str, str]] | None
) -> dict[str, str]:
    """Where mail for names is to be sent; raises InvalidDomainValidationOptionsException."""
    found = {}
    for option in options or ():
        name, domain = (option[key].lower() for key in ("DomainName", "ValidationDomain"))
        if name not in names or not f".{name}".endswith(f".{domain}"):
            raise ServiceError(
                "InvalidDomainValidationOptionsException",
                f"{domain} is not a validation domain for a name of this certificate: {name}",
            )
        found[name] = domain
    return found


def check_options(options: dict[str, str], method: str) -> str:
    """Return whether issued certificates are logged; refuse what else options could ask for."""
    if options.get("Export") == "ENABLED":
        raise ServiceError(
            "ValidationException", "Certificates that can be exported are not offered"
        )
    if options.get("ValidationMethod") not in {None, method}:
        raise ServiceError("ValidationException", "The validation method cannot be changed")
    return options.get("CertificateTransparencyLoggingPreference") or ""


def record_of(account: str, region: str, name: str) -> tuple[str, str]:
    """The CNAME record, name and value, that proves that a domain is the account's.

    The same for a domain and its wildcard, and for every certificate of the account in a region.
    """
    base = name.removeprefix("*.")
    drawn = hashlib.sha256(f"{account} {region} {base}".encode()).hexdigest()
    return f"_{drawn[:32]}.{base}.", f"_{drawn[32:]}.acm-validations.aws."


def merge_tags(present: dict[str, str], added: list[dict[str, str]] | None) -> dict[str, str]:
    """Return tags with more of them; refuse AWS's own, double ones and too many."""
    keys = [tag["Key"] for tag in added or []]
    if any(key.lower().startswith("aws:") for key in keys):
        raise ServiceError("InvalidTagException", "Tag keys cannot begin with aws:")
    if len({*keys}) != len(keys):
        raise ServiceError("InvalidTagException", "A tag key was specified more than once")
    tags = {**present, **{tag["Key"]: tag.get("Value") or "" for tag in added or []}}
    if len(tags) > TAGS_MAX:
        raise ServiceError("TooManyTagsException", f"A certificate has at most {TAGS_MAX} tags")
    return tags


def validation_options(certificate: Certificate) -> list[dict[str, Any]]:
    """How each name is, or was, proved."""
    found = []
    for name in certificate.names:
        proved = certificate.status == ISSUED or name in certificate.validated
        status = "SUCCESS" if proved else "PENDING_VALIDATION"
        if certificate.status == TIMED_OUT and not proved:
            status = "FAILED"
        domain = certificate.validation_domains.get(name, name.removeprefix("*."))
        option: dict[str, Any] = {
            "DomainName": name,
            "ValidationDomain": domain,
            "ValidationStatus": status,
            "ValidationMethod": certificate.method,
        }
        if certificate.method == "DNS":
            record, value = record_of(certificate.account, certificate.region, name)
            option["ResourceRecord"] = {"Name": record, "Type": "CNAME", "Value": value}
        else:
            option["ValidationEmails"] = [f"{mailbox}@{domain}" for mailbox in _MAILBOXES]
        found.append(option)
    return found
