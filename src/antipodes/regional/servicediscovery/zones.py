"""Hosted zones, which Cloud Map makes and keeps in Route 53, as a customer of that account would.

Route 53 is at home in one region, and may not be reached; then nobody knows whether what was asked
for has happened, so everything here can be asked for again.
"""

from typing import Any
from urllib.parse import quote

from antipodes.regional.servicediscovery.model import WEIGHTED, DnsRecord, Namespace
from antipodes.service.asking import Asked, ask
from antipodes.service.contract import Host
from antipodes.service.hosts import ensure_host
from antipodes.service.http import HttpClient
from antipodes.service.planes import HOMES
from antipodes.wire import models, xmlbody
from antipodes.wire.xmlbody import Element

_OK, _SERVER_ERROR = range(200, 300), 500
_AGAIN = frozenset({"Throttling", "PriorRequestNotComplete"})
_SERVICE, _ENDPOINT, _BASE = "route53", "route53.amazonaws.com", "/2013-04-01/hostedzone"
_WEIGHT = 1  # of each: nobody is preferred


class RefusedByDns(Exception):
    """What Route 53 refuses, by its code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class UnreachableDns(Exception):
    """Route 53 has not answered, or is not able to now."""


class HostedZones:
    """The hosted zones of namespaces."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._client = HttpClient(host.runtime)

    async def wake(self) -> None:
        """See to it that Route 53's home runs; nobody may have needed it so far."""
        await ensure_host(self._host.runtime, self._client, HOMES[_SERVICE])

    async def make(self, of: Namespace, reference: str) -> str:
        """The id of a namespace's zone, which is made unless it is there."""
        request: dict[str, Any] = {
            "Name": of.name,
            "CallerReference": reference,
            "HostedZoneConfig": {"Comment": of.description, "PrivateZone": bool(of.vpc)},
        }
        if of.vpc:
            request["VPC"] = {"VPCRegion": self._host.place, "VPCId": of.vpc}
        try:
            told = await self._call(of, "CreateHostedZone", "POST", _BASE, request)
        except RefusedByDns as error:
            if error.code != "HostedZoneAlreadyExists":
                raise
            return await self._made_before(of, reference)
        return _bare(told["HostedZone"]["Id"])

    async def _made_before(self, of: Namespace, reference: str) -> str:
        target = f"{_BASE}sbyname?dnsname={quote(of.name, safe='')}"
        told = await self._call(of, "ListHostedZonesByName", "GET", target)
        for zone in told["HostedZones"]:
            if zone["CallerReference"] == reference:
                return _bare(zone["Id"])
        raise RefusedByDns("NoSuchHostedZone", f"The hosted zone of {of.id} is gone")

    async def delete(self, of: Namespace) -> None:
        """Delete a zone, if it is there."""
        try:
            await self._call(of, "DeleteHostedZone", "DELETE", f"{_BASE}/{of.zone}")
        except RefusedByDns as error:
            if error.code != "NoSuchHostedZone":
                raise

    async def set_soa(self, of: Namespace, ttl_s: int) -> None:
        """Let a zone's SOA record, and what goes by it, have another time to live."""
        target = f"{_BASE}/{of.zone}/rrset?name={quote(of.name, safe='')}&type=SOA&maxitems=1"
        told = await self._call(of, "ListResourceRecordSets", "GET", target)
        [soa] = told["ResourceRecordSets"]
        await self._change(of, [{"Action": "UPSERT", "ResourceRecordSet": soa | {"TTL": ttl_s}}])

    async def change(self, of: Namespace, gone: list[DnsRecord], there: list[DnsRecord]) -> None:
        """Take records out of a zone and put others in; what was done before does no harm."""
        deletions, upserts = [_change("DELETE", one) for one in gone], _upserts(there)
        try:
            await self._change(of, [*deletions, *upserts])
        except RefusedByDns as error:
            if error.code != "InvalidChangeBatch" or not gone:
                raise
        else:
            return
        for one in deletions:
            try:
                await self._change(of, [one])
            except RefusedByDns as error:
                if error.code != "InvalidChangeBatch":
                    raise
        if upserts:
            await self._change(of, upserts)

    async def _change(self, of: Namespace, changes: list[dict[str, Any]]) -> None:
        target = f"{_BASE}/{of.zone}/rrset/"
        request = {"ChangeBatch": {"Changes": changes}}
        await self._call(of, "ChangeResourceRecordSets", "POST", target, request)

    async def _call(
        self,
        of: Namespace,
        name: str,
        method: str,
        target: str,
        request: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        model = models.service(_SERVICE)
        operation = model.operation(name)
        assert operation is not None, name
        assert operation.output is not None, name
        body = b""
        if request is not None and operation.input is not None:
            root = operation.input.location_name or operation.input.shape.name
            body = xmlbody.encode(operation.input, request, root, model.xml_namespace)
        asked = Asked(HOMES[_SERVICE], _SERVICE, _ENDPOINT, method, target, body, "text/xml")
        response = await ask(self._host, of.account, asked)
        if response.status in _OK:
            told: dict[str, Any] = xmlbody.decode(operation.output, response.body)
            return told
        if response.status >= _SERVER_ERROR:
            raise UnreachableDns
        root_of = xmlbody.parse(response.body)
        code, message = _first(root_of, "Code"), _first(root_of, "Message")
        if code in _AGAIN:
            raise UnreachableDns
        raise RefusedByDns(code, message)


def _first(of: Element, name: str) -> str:
    """The text of the first element of that name in a document."""
    if of.name == name:
        return of.text
    return next((found for child in of.children if (found := _first(child, name))), "")


def _bare(name: str) -> str:
    return name.rpartition("/")[2]


def _upserts(records: list[DnsRecord]) -> list[dict[str, Any]]:
    return [_change("UPSERT", one) for one in records]


def _change(action: str, of: DnsRecord) -> dict[str, Any]:
    found: dict[str, Any] = {"Name": of.name, "Type": of.type, "SetIdentifier": of.set_identifier}
    found |= {"Weight": _WEIGHT} if of.policy == WEIGHTED else {"MultiValueAnswer": True}
    if of.alias is None:
        found |= {"TTL": of.ttl_s, "ResourceRecords": [{"Value": of.value}]}
    else:
        zone, name = of.alias
        found["AliasTarget"] = {
            "HostedZoneId": zone,
            "DNSName": name,
            "EvaluateTargetHealth": True,
        }
    return {"Action": action, "ResourceRecordSet": found}
