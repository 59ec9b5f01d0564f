"""Keys and certificates: made, signed by the region's own authority, read and checked.

Keys come from the machine's entropy, whatever the runtime: a key that could be drawn again would be
none. Everything that AWS fixes is as it has it: 198 days for certificates that it issues, RSA 2048
by default (ACM User Guide, "ACM certificate characteristics").
"""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_DAYS = 198
AUTHORITY_DAYS = 3650
PRIVATE_KEYS = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)
# ACM User Guide, "Prerequisites for importing ACM certificates".
IMPORTED_ALGORITHMS = (
    *("RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096"),
    *("EC_prime256v1", "EC_secp384r1", "EC_secp521r1"),
)
_UNREADABLE = (
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_CURVES: dict[str, ec.EllipticCurve] = {
    "EC_prime256v1": ec.SECP256R1(),
    "EC_secp384r1": ec.SECP384R1(),
}
_USAGES = {
    "digital_signature": "DIGITAL_SIGNATURE",
    "content_commitment": "NON_REPUDIATION",
    "key_encipherment": "KEY_ENCIPHERMENT",
    "data_encipherment": "DATA_ENCIPHERMENT",
    "key_agreement": "KEY_AGREEMENT",
    "key_cert_sign": "CERTIFICATE_SIGNING",
    "crl_sign": "CRL_SIGNING",
}
_AGREEMENT_USAGES = {"encipher_only": "ENCIPHER_ONLY", "decipher_only": "DECIPHER_ONLY"}
_EXTENDED_USAGES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "TLS_WEB_SERVER_AUTHENTICATION",
    ExtendedKeyUsageOID.CLIENT_AUTH: "TLS_WEB_CLIENT_AUTHENTICATION",
    ExtendedKeyUsageOID.CODE_SIGNING: "CODE_SIGNING",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "EMAIL_PROTECTION",
    ExtendedKeyUsageOID.TIME_STAMPING: "TIME_STAMPING",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSP_SIGNING",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "ANY",
}
_PUBLIC_EXPONENT = 65537
_SUBJECT_LENGTH_MAX = 64


class Pair(NamedTuple):
    """A certificate and its key, as PEM."""

    certificate: str
    key: str


class Facts(NamedTuple):
    """What a certificate says of itself; times in Unix seconds."""

    subject: str
    issuer: str
    serial: str
    names: tuple[str, ...]
    begins: float
    ends: float
    key_algorithm: str
    signature_algorithm: str
    key_usages: tuple[str, ...]
    extended_key_usages: tuple[tuple[str, str], ...]  # names, and their OIDs


def new_key(algorithm: str) -> PrivateKeyTypes:
    """A new private key; curves are those that certificates can be requested with."""
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm])
    return rsa.generate_private_key(_PUBLIC_EXPONENT, int(algorithm.removeprefix("RSA_")))


def new_authority(name: str, wall: float, serial: int) -> Pair:
    """A certificate authority of that name."""
    key = new_key("RSA_2048")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(subject, subject, key, wall, AUTHORITY_DAYS, serial)
    builder = builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    ).add_extension(_key_usage("key_cert_sign", "crl_sign"), critical=True)
    return _signed(builder, key, key)


def issue(authority: Pair, names: Sequence[str], algorithm: str, wall: float, serial: int) -> Pair:
    """A certificate for some names, the first of them its subject."""
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
    issuer_key = _private_key(authority.key)
    assert isinstance(issuer_key, PRIVATE_KEYS), "authorities are made here"
    found_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    key = new_key(algorithm)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:_SUBJECT_LENGTH_MAX])])
    # Keys on curves encipher nothing (RFC 5480).
    encipherment = () if algorithm in _CURVES else ("key_encipherment",)
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = _builder(subject, issuer.subject, key, wall, VALID_DAYS, serial)
    builder = (
        builder.add_extension(alternatives, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage("digital_signature", *encipherment), critical=True)
        .add_extension(found_by, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return _signed(builder, key, issuer_key)


def _key_usage(*uses: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{use: use in uses for use in (*_USAGES, *_AGREEMENT_USAGES)})


def _builder(  # noqa: PLR0913, PLR0917 - a certificate's parts
    subject: x509.Name,
    issuer: x509.Name,
    key: PrivateKeyTypes,
    wall: float,
    days: int,
    serial: int,
) -> x509.CertificateBuilder:
    begins = dt.datetime.fromtimestamp(int(wall), dt.UTC)
    assert isinstance(key, PRIVATE_KEYS), "keys are made here"
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(begins)
        .not_valid_after(begins + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _signed(
    builder: x509.CertificateBuilder, key: PrivateKeyTypes, issuer_key: PrivateKeyTypes
) -> Pair:
    assert isinstance(issuer_key, PRIVATE_KEYS), "authorities are made here"
    certificate = builder.sign(issuer_key, hashes.SHA256())
    return Pair(_pem(certificate), _key_pem(key))


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: PrivateKeyTypes) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _private_key(pem: str) -> PrivateKeyTypes:
    return serialization.load_pem_private_key(pem.encode(), password=None)


def facts_of(pem: str) -> Facts:
    """What a certificate says; raises ValueError for what is none that can be kept."""
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
        if len(found) > 1:
            raise ValueError("The certificate field contains more than one certificate.")
        return _facts_of(found[0])
    except _UNREADABLE as error:
        raise ValueError(f"The certificate cannot be read: {error}") from None


def _facts_of(certificate: x509.Certificate) -> Facts:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = tuple(extension.value.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        names = tuple(str(one.value) for one in found)
    serial = f"{certificate.serial_number:032x}"
    algorithm = certificate.signature_hash_algorithm
    kind = "ECDSA" if isinstance(certificate.public_key(), ec.EllipticCurvePublicKey) else "RSA"
    return Facts(
        subject=_comma_separated(certificate.subject),
        issuer=_comma_separated(certificate.issuer),
        serial=":".join(serial[n : n + 2] for n in range(0, len(serial), 2)),
        names=names,
        begins=certificate.not_valid_before_utc.timestamp(),
        ends=certificate.not_valid_after_utc.timestamp(),
        key_algorithm=_algorithm_of(certificate),
        signature_algorithm=f"{algorithm.name.upper() if algorithm else ''}WITH{kind}",
        key_usages=_usages_of(certificate),
        extended_key_usages=_extended_usages_of(certificate),
    )


def _usages_of(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return ("ANY",)
    found = [name for member, name in _USAGES.items() if getattr(usage, member)]
    if usage.key_agreement:  # else the library does not tell
        found += [name for member, name in _AGREEMENT_USAGES.items() if getattr(usage, member)]
    return tuple(found)


def _extended_usages_of(certificate: x509.Certificate) -> tuple[tuple[str, str], ...]:
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return (("NONE", ""),)
    return tuple((_EXTENDED_USAGES.get(one, "CUSTOM"), one.dotted_string) for one in usages)


def _algorithm_of(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        kind = f"RSA_{key.key_size}"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        curve = "prime256v1" if key.curve.name == "secp256r1" else key.curve.name
        kind = f"EC_{curve}"
    else:
        kind = "neither RSA nor EC"
    if kind not in IMPORTED_ALGORITHMS:
        raise ValueError(f"The key algorithm of the certificate is not supported: {kind}")
    return kind


def _comma_separated(name: x509.Name) -> str:
    return ",".join(attribute.rfc4514_string() for attribute in name)


def check_pair(certificate: str, key: str) -> None:
    """Refuse a key that is not the certificate's; raises ValueError."""
    try:
        private = _private_key(key)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise ValueError("The private key is not valid.") from None
    own = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    if own != private.public_key():
        raise ValueError("The certificate and the private key do not match.")


def check_chain(certificate: str, chain: str) -> None:
    """Refuse a chain whose first certificate did not sign this one; raises ValueError."""
    found = x509.load_pem_x509_certificates(chain.encode())
    own = x509.load_pem_x509_certificate(certificate.encode())
    for issuer in found:
        try:
            own.verify_directly_issued_by(issuer)
        except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
            raise ValueError(
                "Could not validate the certificate with the certificate chain."
            ) from None
        own = issuer
