"""HTTPS listeners: certificates of Certificate Manager, shown by name, and what is refused."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ClientError
from OpenSSL import SSL

from antipodes.regional.acm.certificates import Pair, issue, new_authority
from antipodes.regional.elbv2 import certificates
from antipodes.runtime.contract import Address, Gone, PlainReceiver
from antipodes.service.http import HttpResponse
from antipodes.service.tls import TlsEnd
from tests.regional.elbv2.hosts import Region, fixed, forward
from tests.regional.elbv2.test_balancer import echo

OTHER = "arn:aws:acm:us-west-2:000000000000:certificate/00000000-0000-0000-0000-000000000000"


@cache
def pair(name: str, wall: float, algorithm: str = "EC_prime256v1") -> Pair:
    return issue(new_authority("Tests", wall, 3), [name], algorithm, wall, 5)


@pytest.fixture
def region() -> Iterator[Region]:
    region = Region()
    yield region
    region.close()


def imported(region: Region, name: str, algorithm: str = "EC_prime256v1", **more: str) -> str:
    made = pair(name, region.runtime.wall() // 86400 * 86400, algorithm)
    answer = region.client("acm").import_certificate(
        Certificate=made.certificate.encode(), PrivateKey=made.key.encode(), **more
    )
    return str(answer["CertificateArn"])


def secured(region: Region, arn: str, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    balancer = region.balancer()
    made = region.client("elbv2").create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": arn}],
        DefaultActions=[fixed("secured")],
        **more,
    )
    return balancer, made["Listeners"][0]


def refusal(function: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        function(**request)
    return str(caught.value.response["Error"]["Code"])


def ask(region: Region, balancer: dict[str, Any], name: str | None) -> HttpResponse:
    door = f"elb/{balancer['LoadBalancerArn'].partition('loadbalancer/')[2]}:443"
    return region.ask(door, "GET", "/a", tls=name)


def test_a_listener_speaks_tls_with_its_certificate(region: Region) -> None:
    balancer, listener = secured(region, imported(region, "example.com"))
    assert listener["Protocol"] == "HTTPS"
    assert listener["SslPolicy"] == "ELBSecurityPolicy-2016-08"
    answer = ask(region, balancer, "example.com")
    assert (answer.status, answer.body) == (200, b"secured")
    with pytest.raises(Gone):
        ask(region, balancer, None)


def test_an_https_listener_has_the_attributes_of_an_http_listener(region: Region) -> None:
    _, listener = secured(region, imported(region, "example.com"))
    elbv2 = region.client("elbv2")
    which = {"ListenerArn": listener["ListenerArn"]}
    shown = elbv2.describe_listener_attributes(**which)["Attributes"]
    assert {"Key": "routing.http.response.server.enabled", "Value": "true"} in shown
    assert elbv2.modify_listener_attributes(**which, Attributes=shown)["Attributes"] == shown
    hsts = "routing.http.response.strict_transport_security.header_value"
    added = [{"Key": hsts, "Value": "max-age=60"}]
    code = refusal(elbv2.modify_listener_attributes, **which, Attributes=added)
    assert code == "InvalidConfigurationRequest"


def test_a_certificate_that_is_not_issued_or_too_weak_is_refused(region: Region) -> None:
    waiting = region.client("acm").request_certificate(DomainName="example.com")
    for arn in (waiting["CertificateArn"], imported(region, "example.com", "RSA_1024")):
        with pytest.raises(ClientError) as caught:
            secured(region, arn)
        assert caught.value.response["Error"]["Code"] == "UnsupportedCertificate"


def test_a_certificate_imported_anew_with_a_weak_key_is_shown_to_nobody(region: Region) -> None:
    arn, other = imported(region, "example.com"), imported(region, "other.example.com")
    balancer, listener = secured(region, arn)
    imported(region, "example.com", "RSA_1024", CertificateArn=arn)
    with pytest.raises(Gone):
        ask(region, balancer, "example.com")
    region.client("elbv2").add_listener_certificates(
        ListenerArn=listener["ListenerArn"], Certificates=[{"CertificateArn": other}]
    )
    assert ask(region, balancer, "example.com").status == 200


def test_another_default_leaves_the_further_certificates_and_there_is_a_limit(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"n{number}.example.com" for number in range(4)]
    first, second, third, fourth = (imported(region, name) for name in names)
    balancer, listener = secured(region, first)
    elbv2, which = region.client("elbv2"), {"ListenerArn": listener["ListenerArn"]}
    elbv2.add_listener_certificates(**which, Certificates=[{"CertificateArn": second}])
    elbv2.modify_listener(**which, Certificates=[{"CertificateArn": third}])
    found = elbv2.describe_listener_certificates(**which)["Certificates"]
    assert [(one["CertificateArn"], one["IsDefault"]) for one in found] == [
        *((third, True), (second, False))
    ]
    assert ask(region, balancer, names[1]).status == 200
    monkeypatch.setattr(certificates, "CERTIFICATES_MAX", 1)
    more = [{"CertificateArn": fourth}]
    code = refusal(elbv2.add_listener_certificates, **which, Certificates=more)
    assert code == "TooManyCertificates"


def test_a_policy_says_which_versions_are_spoken(region: Region) -> None:
    _, listener = secured(
        region, imported(region, "example.com"), SslPolicy="ELBSecurityPolicy-TLS13-1-3-2021-06"
    )

    def established(version: int) -> bool:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_max_proto_version(version)
        connection = SSL.Connection(context, None)
        connection.set_connect_state()
        door = f"{listener['ListenerArn'].partition('listener/')[2].rpartition('/')[0]}:443"

        async def connect() -> None:
            end = TlsEnd(region.city, connection, PlainReceiver())
            await region.city.connect(Address(region.place, f"elb/{door}"), lambda _: end)
            await region.city.sleep(1)

        region.run_in_city(connect())
        return connection.get_state_string() == b"SSL negotiation finished successfully"

    assert not established(SSL.TLS1_2_VERSION)
    assert established(SSL.TLS1_3_VERSION)
    region.client("elbv2").modify_listener(
        ListenerArn=listener["ListenerArn"], SslPolicy="ELBSecurityPolicy-TLS-1-2-2017-01"
    )
    assert established(SSL.TLS1_2_VERSION)


def test_a_function_is_told_that_the_request_came_over_tls(region: Region) -> None:
    front = region.serving(echo)
    arn = imported(region, "example.com")
    region.client("elbv2").modify_listener(
        ListenerArn=front.listener,
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": arn}],
        DefaultActions=[forward(front.group)],
    )
    door = front.door.removesuffix(":80") + ":443"
    answer = region.ask(door, "GET", "/", tls="example.com", headers={"Host": "example.com"})
    assert b'"x-forwarded-proto": "https"' in answer.body
    assert b'"x-forwarded-port": "443"' in answer.body


def test_certificates_are_added_listed_and_taken_away(region: Region) -> None:
    elbv2 = region.client("elbv2")
    first, second = imported(region, "a.example.com"), imported(region, "b.example.com")
    _, listener = secured(region, first)
    which = {"ListenerArn": listener["ListenerArn"]}

    def shown() -> list[tuple[str, bool]]:
        found = elbv2.describe_listener_certificates(**which)["Certificates"]
        return [(one["CertificateArn"], one["IsDefault"]) for one in found]

    elbv2.add_listener_certificates(**which, Certificates=[{"CertificateArn": second}])
    assert shown() == [(first, True), (second, False)]
    default = [{"CertificateArn": first}]
    assert (
        refusal(elbv2.remove_listener_certificates, **which, Certificates=default)
        == "OperationNotPermitted"
    )
    elbv2.modify_listener(**which, Protocol="HTTPS", Certificates=[{"CertificateArn": second}])
    assert shown() == [(second, True)]
    unknown = [{"CertificateArn": OTHER}]
    assert (
        refusal(elbv2.add_listener_certificates, **which, Certificates=unknown)
        == "CertificateNotFound"
    )


def test_another_accounts_certificate_is_not_found(region: Region) -> None:
    arn, stranger = imported(region, "example.com"), "111111111111"
    subnets = region.client("ec2", account=stranger).describe_subnets()["Subnets"]
    elbv2 = region.client("elbv2", account=stranger)
    [balancer] = elbv2.create_load_balancer(
        Name="theirs", Subnets=[subnet["SubnetId"] for subnet in subnets]
    )["LoadBalancers"]
    code = refusal(
        elbv2.create_listener,
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": arn}],
        DefaultActions=[fixed("secured")],
    )
    assert code == "CertificateNotFound"


def test_a_certificate_that_is_shown_cannot_be_deleted(region: Region) -> None:
    acm = region.client("acm")
    arn = imported(region, "example.com")
    balancer, listener = secured(region, arn)
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"] == [
        balancer["LoadBalancerArn"]
    ]
    assert refusal(acm.delete_certificate, CertificateArn=arn) == "ResourceInUseException"
    region.client("elbv2").delete_listener(ListenerArn=listener["ListenerArn"])
    acm.delete_certificate(CertificateArn=arn)
    assert refusal(acm.get_certificate, CertificateArn=arn) == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Certificates": []}, "ValidationError"),
        ({"Certificates": [{"CertificateArn": OTHER}]}, "CertificateNotFound"),
        ({"Certificates": [{"CertificateArn": "no arn"}]}, "CertificateNotFound"),
        ({"SslPolicy": "Strict"}, "SSLPolicyNotFound"),
        ({"Protocol": "HTTP"}, "ValidationError"),
        ({"Protocol": "TLS"}, "UnsupportedProtocol"),
        ({"MutualAuthentication": {"Mode": "verify"}}, "InvalidConfigurationRequest"),
    ],
)
def test_what_a_secured_listener_cannot_be_is_refused(
    region: Region, change: dict[str, Any], code: str
) -> None:
    request = {
        "LoadBalancerArn": region.balancer()["LoadBalancerArn"],
        "Protocol": "HTTPS",
        "Port": 443,
        "Certificates": [{"CertificateArn": imported(region, "example.com")}],
        "DefaultActions": [fixed("x")],
        **change,
    }
    elbv2 = region.client("elbv2")
    assert refusal(elbv2.create_listener, **request) == code
    found = elbv2.describe_listeners(LoadBalancerArn=request["LoadBalancerArn"])
    assert found["Listeners"] == []


def test_a_certificate_imported_anew_is_shown_to_the_next_and_a_restart_keeps_it(
    region: Region,
) -> None:
    arn = imported(region, "example.com")
    balancer, _ = secured(region, arn, SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06")
    made = pair("new.example.com", region.runtime.wall() // 86400 * 86400)
    region.client("acm").import_certificate(
        CertificateArn=arn, Certificate=made.certificate.encode(), PrivateKey=made.key.encode()
    )
    region.restart()
    assert ask(region, balancer, "new.example.com").status == 200
    shown = region.client("acm").get_certificate(CertificateArn=arn)["Certificate"]
    assert shown == made.certificate


def test_policies_are_told_by_name(region: Region) -> None:
    elbv2 = region.client("elbv2")
    found = elbv2.describe_ssl_policies(Names=["ELBSecurityPolicy-TLS13-1-3-2021-06"])
    assert found["SslPolicies"][0]["SslProtocols"] == ["TLSv1.3"]
    assert refusal(elbv2.describe_ssl_policies, Names=["None"]) == "SSLPolicyNotFound"


def test_a_listener_leaves_its_address_to_the_next_protocol(region: Region) -> None:
    arn = imported(region, "example.com")
    balancer, listener = secured(region, arn)
    elbv2 = region.client("elbv2")
    elbv2.modify_listener(ListenerArn=listener["ListenerArn"], Protocol="HTTP")
    assert ask(region, balancer, None).body == b"secured"
    described = elbv2.describe_listeners(ListenerArns=[listener["ListenerArn"]])["Listeners"][0]
    assert "Certificates" not in described
