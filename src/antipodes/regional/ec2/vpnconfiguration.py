"""What the administrator of a customer's router gets: both ends of both tunnels, as XML.

The elements are those of AWS's own document, which programs read; a value that was chosen stands
where AWS's default would.
"""

from ipaddress import IPv4Network
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from antipodes.regional.ec2 import tunnels
from antipodes.regional.ec2.estate import Estate
from antipodes.regional.ec2.modelvpn import Tunnel, VpnConnection

_HOLD_S = 30
_SEGMENT_BYTES = 1379
_DPD_INTERVAL_S, _DPD_RETRIES = 10, 3
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def written(estate: Estate, of: VpnConnection) -> str:
    """The configuration of a connection."""
    customer = estate.customers.get(of.account, of.customer)
    root = Element("vpn_connection", id=of.id)
    _add(root, "customer_gateway_id", of.customer)
    if of.hub:
        _add(root, "transit_gateway_id", of.hub)
        asn = estate.hubs.get(of.account, of.hub).asn
    else:
        _add(root, "vpn_gateway_id", of.gateway)
        asn = estate.vpn_gateways.get(of.account, of.gateway).asn
    _add(root, "vpn_connection_type", "ipsec.1")
    if of.static:
        _add(root, "vpn_connection_attributes", "NoBGPVPNConnection")
    for one in of.tunnels:
        element = SubElement(root, "ipsec_tunnel")
        amazons, customers = tunnels.ends(one)
        asns = (0, 0) if of.static else (customer.asn, asn)
        _end(element, "customer_gateway", (customer.address, customers), one, asns[0])
        _end(element, "vpn_gateway", (one.outside, amazons), one, asns[1])
        _ike(element, one)
        _ipsec(element, one)
    indent(root)
    return _HEAD + tostring(root, "unicode") + "\n"


def _add(to: Element, name: str, value: object) -> None:
    SubElement(to, name).text = str(value)


def _end(to: Element, name: str, addresses: tuple[str, str], tunnel: Tunnel, asn: int) -> None:
    """One end of a tunnel; without a number it speaks no BGP."""
    outside, inside = addresses
    network = IPv4Network(tunnel.inside)
    end = SubElement(to, name)
    _add(SubElement(end, "tunnel_outside_address"), "ip_address", outside)
    address = SubElement(end, "tunnel_inside_address")
    _add(address, "ip_address", inside)
    _add(address, "network_mask", network.netmask)
    _add(address, "network_cidr", network.prefixlen)
    if asn:
        bgp = SubElement(end, "bgp")
        _add(bgp, "asn", asn)
        _add(bgp, "hold_time", _HOLD_S)


def _first(tunnel: Tunnel, name: str, otherwise: int | str) -> int | str:
    return tunnel.allowed.get(name, (otherwise,))[0]


def _cipher(tunnel: Tunnel, phase: int) -> str:
    """AES128 as aes-128-cbc, AES256-GCM-16 as aes-256-gcm-16."""
    name = str(_first(tunnel, f"Phase{phase}EncryptionAlgorithms", "AES128")).lower()
    name = name.replace("aes", "aes-", 1)
    return name if "gcm" in name else f"{name}-cbc"


def _ike(to: Element, tunnel: Tunnel) -> None:
    element = SubElement(to, "ike")
    digest = str(_first(tunnel, "Phase1IntegrityAlgorithms", "SHA1")).lower()
    _add(element, "authentication_protocol", digest)
    _add(element, "encryption_protocol", _cipher(tunnel, 1))
    _lifetime(element, tunnel, 1)
    _add(element, "mode", "main")
    _add(element, "pre_shared_key", tunnel.key)


def _lifetime(element: Element, tunnel: Tunnel, phase: int) -> None:
    name = f"Phase{phase}LifetimeSeconds"
    _add(element, "lifetime", tunnel.chosen.get(name, tunnels.DEFAULTS[name]))
    group = _first(tunnel, f"Phase{phase}DHGroupNumbers", 2)
    _add(element, "perfect_forward_secrecy", f"group{group}")


def _ipsec(to: Element, tunnel: Tunnel) -> None:
    element = SubElement(to, "ipsec")
    _add(element, "protocol", "esp")
    digest = str(_first(tunnel, "Phase2IntegrityAlgorithms", "SHA1")).lower()
    _add(element, "authentication_protocol", "hmac-sha1-96" if digest == "sha1" else digest)
    _add(element, "encryption_protocol", _cipher(tunnel, 2))
    _lifetime(element, tunnel, 2)
    _add(element, "mode", "tunnel")
    _add(element, "clear_df_bit", "true")
    _add(element, "fragmentation_before_encryption", "true")
    _add(element, "tcp_mss_adjustment", _SEGMENT_BYTES)
    detection = SubElement(element, "dead_peer_detection")
    _add(detection, "interval", _DPD_INTERVAL_S)
    _add(detection, "retries", _DPD_RETRIES)
