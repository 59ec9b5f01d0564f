"""Certificate Manager: requests that wait for their proof, imports, what is kept and refused."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from antipodes.fabric.dns.message import RR, Query, encode_answer
from antipodes.fabric.dns.names import to_wire
from antipodes.regional.acm.certificates import issue, new_authority
from antipodes.regional.acm.model import Certificate
from antipodes.runtime.contract import Address
from antipodes.service.dnsserver import Asker, DnsServer
from antipodes.world.atlas import load_atlas
from antipodes.world.world import World
from tests.regional.elbv2.hosts import REGION, Region


class Zone:
    """The answers of every edge location."""

    def __init__(self, region: Region) -> None:
        self.records: dict[bytes, bytes] = {}
        self.asked = 0
        edge = region.simulation.boot("edge")
        self._server = DnsServer(edge, self.answer)
        region.run(self._server.listen(Address("edge/*", "53")))

    def answer(self, query: Query, _: Asker) -> bytes:
        self.asked += 1
        value = self.records.get(query.name)
        answers = [] if value is None else [RR(query.name, 5, 60, value)]
        return encode_answer(query, 0 if answers else 3, answers, authoritative=True)


@pytest.fixture
def region() -> Iterator[Region]:
    region = Region(world=World(load_atlas(), (REGION, "eu-central-1")))
    yield region
    region.close()


@pytest.fixture
def acm(region: Region) -> Any:
    return region.client("acm")


def refusal(function: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        function(**request)
    return str(caught.value.response["Error"]["Code"])


def described(acm: Any, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    return found


def prove(zone: Zone, certificate: dict[str, Any], *names: str) -> None:
    """Make the records that the certificate's description asks for."""
    for option in certificate["DomainValidationOptions"]:
        if not names or option["DomainName"] in names:
            record = option["ResourceRecord"]
            assert record["Type"] == "CNAME"
            zone.records[to_wire(record["Name"])] = to_wire(record["Value"])


def test_a_certificate_is_issued_when_all_of_its_names_are_proved(region: Region, acm: Any) -> None:
    zone = Zone(region)
    arn = acm.request_certificate(
        DomainName="example.com",
        SubjectAlternativeNames=["*.example.com", "Other.example.net"],
        ValidationMethod="DNS",
        KeyAlgorithm="EC_prime256v1",
        Tags=[{"Key": "team", "Value": "edge"}],
    )["CertificateArn"]
    waiting = described(acm, arn)
    assert waiting["Status"] == "PENDING_VALIDATION"
    assert waiting["SubjectAlternativeNames"] == [
        *("example.com", "*.example.com", "other.example.net")
    ]
    records = [option["ResourceRecord"] for option in waiting["DomainValidationOptions"]]
    assert records[0] == records[1] != records[2]
    assert refusal(acm.get_certificate, CertificateArn=arn) == "RequestInProgressException"
    for record in records:
        zone.records[to_wire(record["Name"])] = to_wire("somebody.else.example.net.")
    region.wait(25)
    pending = described(acm, arn)["DomainValidationOptions"]
    assert {option["ValidationStatus"] for option in pending} == {"PENDING_VALIDATION"}
    prove(zone, waiting, "example.com")
    region.wait(25)
    half = described(acm, arn)
    assert [option["ValidationStatus"] for option in half["DomainValidationOptions"]] == [
        *("SUCCESS", "SUCCESS", "PENDING_VALIDATION")
    ]
    prove(zone, waiting)
    region.wait(25)
    issued = described(acm, arn)
    assert (issued["Status"], issued["Type"]) == ("ISSUED", "AMAZON_ISSUED")
    assert (issued["NotAfter"] - issued["NotBefore"]).days == 198
    assert issued["KeyUsages"] == [{"Name": "DIGITAL_SIGNATURE"}]
    assert issued["ExtendedKeyUsages"] == [
        {"Name": "TLS_WEB_SERVER_AUTHENTICATION", "OID": "1.3.6.1.5.5.7.3.1"}
    ]
    got = acm.get_certificate(CertificateArn=arn)
    own, issuer = (
        x509.load_pem_x509_certificate(got[part].encode())
        for part in ("Certificate", "CertificateChain")
    )
    own.verify_directly_issued_by(issuer)
    at = dt.datetime.fromtimestamp(region.runtime.wall(), dt.UTC)
    strict = PolicyBuilder().store(Store([issuer])).time(at)
    assert strict.build_server_verifier(x509.DNSName("other.example.net")).verify(own, [])
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == [
        {"Key": "team", "Value": "edge"}
    ]


def test_nothing_is_asked_while_nothing_waits_and_a_restart_goes_on_asking(
    region: Region, acm: Any
) -> None:
    zone = Zone(region)
    region.wait(100)
    assert zone.asked == 0
    arn = acm.request_certificate(DomainName="example.com", ValidationMethod="DNS")[
        "CertificateArn"
    ]
    region.wait(30)
    asked = zone.asked
    assert asked > 1
    region.restart()
    prove(zone, described(acm, arn))
    region.wait(30)
    assert described(acm, arn)["Status"] == "ISSUED"
    asked = zone.asked
    region.wait(100)
    assert zone.asked == asked


def test_what_the_disk_did_not_take_is_proved_again(region: Region, acm: Any) -> None:
    zone = Zone(region)
    arn = acm.request_certificate(
        DomainName="example.com", ValidationMethod="DNS", KeyAlgorithm="EC_prime256v1"
    )["CertificateArn"]
    prove(zone, described(acm, arn))
    service: Any = region.host.services["acm"]
    region.simulation.set_disk(region.place, slow_s=60.0)
    region.wait(40)
    assert service.certificates.list("000000000000")[0].status == "ISSUED"
    region.simulation.set_disk(region.place, full=True)
    region.wait(60)
    region.simulation.set_disk(region.place, full=False, slow_s=0.0)
    assert service.certificates.list("000000000000")[0].status == "PENDING_VALIDATION"
    region.wait(15)
    assert described(acm, arn)["Status"] == "ISSUED"


@pytest.mark.parametrize("method", ["DNS", "EMAIL"])
def test_a_proof_that_never_comes_is_given_up_after_three_days(
    region: Region, acm: Any, method: str
) -> None:
    Zone(region)
    arn = acm.request_certificate(DomainName="example.com", ValidationMethod=method)[
        "CertificateArn"
    ]
    # Three days in one step of the clock's, so that the test is quick.
    service: Any = region.host.services["acm"]
    certificate: Certificate = service.certificates.list("000000000000")[0]
    old = {f: getattr(certificate, f) for f in certificate.__struct_fields__}
    service.put(Certificate(**{**old, "created_at": certificate.created_at - 72 * 3600}))
    region.wait(30)
    timed_out = described(acm, arn)
    assert timed_out["Status"] == "VALIDATION_TIMED_OUT"
    assert timed_out["DomainValidationOptions"][0]["ValidationStatus"] == "FAILED"
    assert "FailureReason" not in timed_out  # only those that FAILED have one


def pem(region: Region, name: str = "example.com", *, days_ago: int = 0) -> Any:
    wall = region.runtime.wall() - days_ago * 86400
    authority = new_authority("Tests", wall, 3)
    return issue(authority, [name], "RSA_2048", wall, 5), authority


def test_a_certificate_is_imported_with_its_chain_and_again(region: Region, acm: Any) -> None:
    made, authority = pem(region)
    request = {
        "Certificate": made.certificate.encode(),
        "PrivateKey": made.key.encode(),
        "CertificateChain": authority.certificate.encode(),
    }
    arn = acm.import_certificate(**request)["CertificateArn"]
    told = described(acm, arn)
    assert (told["Type"], told["Status"], told["KeyAlgorithm"]) == (
        *("IMPORTED", "ISSUED", "RSA_2048"),
    )
    assert told["Serial"].endswith(":05")
    assert told["NotBefore"] < told["NotAfter"]
    assert acm.import_certificate(**request, CertificateArn=arn)["CertificateArn"] == arn
    assert acm.get_certificate(CertificateArn=arn)["CertificateChain"] == authority.certificate


def test_what_does_not_fit_together_is_not_imported(region: Region, acm: Any) -> None:
    made, _ = pem(region)
    other, stranger = pem(region, "other.example.com")
    expired, _ = pem(region, days_ago=400)
    early, _ = pem(region, days_ago=-1)
    for wrong in (
        {"PrivateKey": other.key.encode()},
        {"PrivateKey": b"no key"},
        {"Certificate": b"no certificate"},
        {"CertificateChain": stranger.certificate.encode()},
        {"Certificate": expired.certificate.encode(), "PrivateKey": expired.key.encode()},
        {"Certificate": early.certificate.encode(), "PrivateKey": early.key.encode()},
    ):
        request = {"Certificate": made.certificate.encode(), "PrivateKey": made.key.encode()}
        assert refusal(acm.import_certificate, **{**request, **wrong}) == "ValidationException"
    assert acm.list_certificates()["CertificateSummaryList"] == []


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(ec.generate_private_key(ec.SECP256K1()), id="an unknown curve"),
        pytest.param(ed25519.Ed25519PrivateKey.generate(), id="neither RSA nor EC"),
    ],
)
def test_only_keys_of_the_algorithms_that_aws_lists_are_imported(
    region: Region, acm: Any, key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.com")])
    begins = dt.datetime.fromtimestamp(int(region.runtime.wall()), dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 5)
        .not_valid_before(begins)
        .not_valid_after(begins + dt.timedelta(days=9))
        .sign(key, hashes.SHA256() if isinstance(key, ec.EllipticCurvePrivateKey) else None)
    )
    plain = serialization.NoEncryption()
    request = {
        "Certificate": made.public_bytes(serialization.Encoding.PEM),
        "PrivateKey": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain
        ),
    }
    assert refusal(acm.import_certificate, **request) == "ValidationException"


def test_of_two_certificates_in_one_field_none_is_imported(region: Region, acm: Any) -> None:
    made, authority = pem(region)
    request = {
        "Certificate": (made.certificate + authority.certificate).encode(),
        "PrivateKey": made.key.encode(),
    }
    assert refusal(acm.import_certificate, **request) == "ValidationException"


def test_bad_requests_are_refused_and_leave_nothing(acm: Any) -> None:
    ask = acm.request_certificate
    assert refusal(ask, DomainName="no_domain") == "ValidationException"
    assert refusal(ask, DomainName="a.*.example.com") == "ValidationException"
    assert refusal(ask, DomainName="a" * 53 + ".example.com") == "ValidationException"
    assert refusal(ask, DomainName="example.com", KeyAlgorithm="RSA_1024") == (
        "ValidationException"
    )
    tags = [{"Key": "aws:x", "Value": "1"}]
    assert refusal(ask, DomainName="example.com", Tags=tags) == "InvalidTagException"
    many = [f"n{n}.example.com" for n in range(100)]
    assert refusal(ask, DomainName="example.com", SubjectAlternativeNames=many) == (
        "LimitExceededException"
    )
    nowhere = "arn:aws:acm:us-west-2:000000000000:certificate/" + "0" * 36
    assert refusal(acm.describe_certificate, CertificateArn=nowhere) == "ResourceNotFoundException"
    assert refusal(
        acm.delete_certificate, CertificateArn="arn:aws:acm:us-west-2:000000000000:nothing/x"
    ) == ("InvalidArnException")
    every = ["RSA_2048", "EC_prime256v1", "EC_secp384r1"]
    assert acm.list_certificates(Includes={"keyTypes": every})["CertificateSummaryList"] == []


def test_a_token_makes_a_request_the_same_one_for_an_hour(region: Region, acm: Any) -> None:
    request = {"DomainName": "example.com", "ValidationMethod": "DNS", "IdempotencyToken": "one"}
    first = acm.request_certificate(**request)["CertificateArn"]
    assert acm.request_certificate(**request)["CertificateArn"] == first
    other = {**request, "IdempotencyToken": "two"}
    assert acm.request_certificate(**other)["CertificateArn"] != first
    region.wait(3_590)
    assert acm.request_certificate(**request)["CertificateArn"] == first
    region.wait(20)
    assert acm.request_certificate(**request)["CertificateArn"] != first


def test_lists_come_in_pages_and_by_kind(acm: Any) -> None:
    arns = [
        acm.request_certificate(DomainName=f"n{n}.example.com")["CertificateArn"] for n in range(5)
    ]
    acm.request_certificate(DomainName="ec.example.com", KeyAlgorithm="EC_prime256v1")
    pages = list(acm.get_paginator("list_certificates").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["CertificateSummaryList"]) for page in pages] == [2, 2, 1]
    found = [one["CertificateArn"] for page in pages for one in page["CertificateSummaryList"]]
    assert sorted(found) == sorted(arns)
    waiting = acm.list_certificates(CertificateStatuses=["ISSUED"])["CertificateSummaryList"]
    assert waiting == []


def test_lists_are_filtered_and_sorted(region: Region, acm: Any) -> None:
    asked = acm.request_certificate(DomainName="asked.example.com")["CertificateArn"]
    region.wait(1)
    made, authority = pem(region)
    leaf, root = (
        acm.import_certificate(Certificate=one.certificate.encode(), PrivateKey=one.key.encode())[
            "CertificateArn"
        ]
        for one in (made, authority)
    )

    def listed(**request: Any) -> set[str]:
        found = acm.list_certificates(**request)["CertificateSummaryList"]
        return {one["CertificateArn"] for one in found}

    assert listed() == {asked, leaf, root}
    assert listed(Includes={"keyUsage": ["KEY_ENCIPHERMENT"]}) == {leaf}
    assert listed(Includes={"keyUsage": ["ANY", "CRL_SIGNING"]}) == {root}
    assert listed(Includes={"extendedKeyUsage": ["TLS_WEB_SERVER_AUTHENTICATION"]}) == {leaf}
    assert listed(Includes={"extendedKeyUsage": ["NONE"]}) == {root}
    assert listed(Includes={"exportOption": "ENABLED"}) == set()
    assert listed(Includes={"managedBy": "CLOUDFRONT"}) == set()
    assert listed(CertificateKeyPairOrigins=["AWS_MANAGED"]) == {asked}
    assert listed(CertificateStatuses=["ISSUED"]) == {leaf, root}
    orders = [
        [
            one["CertificateArn"]
            for one in acm.list_certificates(SortBy="CREATED_AT", SortOrder=order)[
                "CertificateSummaryList"
            ]
        ]
        for order in ("ASCENDING", "DESCENDING")
    ]
    assert orders[0][0] == orders[1][-1] == asked
    assert orders[0] == orders[1][::-1]
    assert refusal(acm.list_certificates, SortBy="CREATED_AT") == "InvalidArgsException"


def test_mail_is_for_the_domain_that_was_chosen(acm: Any) -> None:
    ask = {"DomainName": "www.example.com", "SubjectAlternativeNames": ["*.example.com"]}
    chosen = {"DomainName": "www.example.com", "ValidationDomain": "example.com"}
    arn = acm.request_certificate(**ask, DomainValidationOptions=[chosen])["CertificateArn"]
    one, other = described(acm, arn)["DomainValidationOptions"]
    assert one["ValidationDomain"] == other["ValidationDomain"] == "example.com"
    assert "admin@example.com" in one["ValidationEmails"]
    for wrong in (
        {"DomainName": "www.example.com", "ValidationDomain": "ample.com"},
        {"DomainName": "example.com", "ValidationDomain": "example.com"},
    ):
        assert refusal(acm.request_certificate, **ask, DomainValidationOptions=[wrong]) == (
            "InvalidDomainValidationOptionsException"
        )


def test_tags_and_options_are_changed(acm: Any) -> None:
    arn = acm.request_certificate(DomainName="example.com")["CertificateArn"]
    which = {"CertificateArn": arn}
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    acm.add_tags_to_certificate(**which, Tags=tags)
    acm.remove_tags_from_certificate(**which, Tags=[{"Key": "a", "Value": "other"}, {"Key": "b"}])
    assert acm.list_tags_for_certificate(**which)["Tags"] == [{"Key": "a", "Value": "1"}]
    off = {"CertificateTransparencyLoggingPreference": "DISABLED"}
    acm.update_certificate_options(**which, Options=off)
    assert described(acm, arn)["Options"] == {**off, "Export": "DISABLED"}
    for asked in ({"Export": "ENABLED"}, {"ValidationMethod": "DNS"}):
        assert refusal(acm.update_certificate_options, **which, Options=asked) == (
            "ValidationException"
        )
        assert refusal(acm.request_certificate, DomainName="example.com", Options=asked) == (
            "ValidationException"
        )


def test_what_is_not_offered_is_refused_by_name(acm: Any) -> None:
    arn = "arn:aws:acm:us-west-2:000000000000:certificate/" + "0" * 36
    with pytest.raises(ClientError) as caught:
        acm.export_certificate(CertificateArn=arn, Passphrase=b"secret")
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "ExportCertificate" in error["Error"]["Message"]
