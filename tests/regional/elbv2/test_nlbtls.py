"""Network load balancers that end TLS, and that speak it to their targets."""

from collections.abc import Iterator
from typing import Any

import pytest

from antipodes.runtime.contract import Accepted, Gone
from antipodes.service.tls import Credential, ServerTls
from tests.regional.elbv2.hosts import forward
from tests.regional.elbv2.networks import PORT, ZONES, Heard, Machine, Network
from tests.regional.elbv2.test_control import refusal
from tests.regional.elbv2.test_https import imported, pair

A = ZONES[0]
PAGE = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi"


class SecureMachine(Machine):
    """A machine that speaks TLS, with a certificate of nobody's."""

    def _accept(self, accepted: Accepted) -> Any:
        made = pair("machine.internal", 1767225600.0)
        credential = Credential(made.certificate, made.key)
        self.heard.append(Heard(accepted, self.answer))
        return ServerTls(self.network.machines, [credential]).receiver(self.heard[-1])


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.close()


def secured(network: Network, name: str, group: str, **more: Any) -> tuple[str, str]:
    """A TLS listener; the load balancer's door and the listener."""
    balancer = network.nlb(name, A)
    made = network.client("elbv2").create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="TLS",
        Port=PORT,
        Certificates=[{"CertificateArn": imported(network, "example.com")}],
        DefaultActions=[forward(group)],
        **more,
    )
    network.wait(1)
    door = f"elb/{balancer['LoadBalancerArn'].partition('loadbalancer/')[2]}:{PORT}"
    return door, made["Listeners"][0]["ListenerArn"]


def test_a_tls_listener_speaks_plainly_to_its_target(network: Network) -> None:
    machine = network.machine(A, 10)
    machine.answer = PAGE
    door, listener = secured(network, "ends", network.flows("ends", machine))
    assert network.ask(door, tls="example.com").body == b"hi"
    assert machine.served[-1].data.startswith(b"GET / HTTP/1.1")
    network.wait(1)
    assert network.elbv2.network.flows == 0
    with pytest.raises(Gone):
        network.ask(door)  # in plain text
    network.wait(30)
    assert network.elbv2.network.flows == 0  # there is no flow before the handshake is over
    shown = network.client("elbv2").describe_listener_attributes(ListenerArn=listener)
    assert shown["Attributes"] == [{"Key": "tcp.idle_timeout.seconds", "Value": "350"}]
    wanted = [{"Key": "tcp.idle_timeout.seconds", "Value": "60"}]
    modify = network.client("elbv2").modify_listener_attributes
    code = refusal(modify, ListenerArn=listener, Attributes=wanted)
    assert code == "InvalidConfigurationRequest"


def test_a_tls_group_is_spoken_to_in_tls(network: Network) -> None:
    machine = SecureMachine(network, A, "172.31.0.10")
    machine.answer = PAGE
    group = network.flows("both", machine, Protocol="TLS")
    door, _ = secured(network, "both", group)
    assert network.states(group) == {machine.address: ("healthy", "")}
    answer = network.ask(door, tls="example.com")
    assert (answer.status, answer.body) == (200, b"hi")


def test_a_target_that_speaks_no_tls_is_no_target_of_a_tls_group(network: Network) -> None:
    machine = network.machine(A, 10)
    machine.answer = PAGE
    door, _ = secured(network, "plain", network.flows("plain", machine, Protocol="TLS"))
    with pytest.raises(Gone):
        network.ask(door, tls="example.com")
    network.wait(1)
    assert network.elbv2.network.flows == 0


def test_what_a_tls_listener_cannot_be(network: Network) -> None:
    elbv2 = network.client("elbv2")
    balancer = network.nlb("refused", A)
    plain, secure = network.flows("plain"), network.flows("secure", Protocol="TLS")
    udp = network.flows("udp", Protocol="UDP")
    request = {
        "LoadBalancerArn": balancer["LoadBalancerArn"],
        "Protocol": "TLS",
        "Port": 443,
        "DefaultActions": [forward(plain)],
    }
    assert refusal(elbv2.create_listener, **request) == "ValidationError"  # no certificate
    request["Certificates"] = [{"CertificateArn": imported(network, "example.com")}]
    for code, change in (
        ("InvalidConfigurationRequest", {"AlpnPolicy": ["HTTP2Only"]}),
        ("IncompatibleProtocols", {"DefaultActions": [forward(udp)]}),
        ("IncompatibleProtocols", {"DefaultActions": [forward(plain, (plain, 1), (secure, 1))]}),
        ("SSLPolicyNotFound", {"SslPolicy": "none-such"}),
    ):
        assert refusal(elbv2.create_listener, **{**request, **change}) == code
    sticky = forward(plain, (plain, 1))
    config = {"Enabled": True, "DurationSeconds": 60}
    sticky["ForwardConfig"]["TargetGroupStickinessConfig"] = config
    more: dict[str, Any] = {"DefaultActions": [sticky], "AlpnPolicy": ["None"]}
    code = refusal(elbv2.create_listener, **{**request, **more})
    assert code == "InvalidConfigurationRequest"
    request["Protocol"] = "TCP"
    assert refusal(elbv2.create_listener, **request) == "ValidationError"  # a certificate
    for key in ("stickiness.enabled", "proxy_protocol_v2.enabled"):
        code = refusal(network.set_group, group=secure, **{key: "true"})
        assert code == "InvalidConfigurationRequest"
