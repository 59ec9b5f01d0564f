"""What the resolver of a private network says of a name, to whoever runs the world."""

from typing import Any

from antipodes.fabric.dns.names import InvalidName, to_wire
from antipodes.fabric.dns.rdata import A, rdata_text
from antipodes.runtime.contract import Address, Gone, Runtime, TimedOut
from antipodes.service.dnsclient import DnsClient

PORT = 53


class PrivateNames:
    """Asks the resolvers of networks, each from inside its region."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._clients: dict[str, DnsClient] = {}

    async def look_up(self, region: str, network: str, name: str) -> dict[str, Any]:
        """The answer's code (RFC 1035, 4.1.1) and its IPv4 addresses; `code` is -1 without one."""
        try:
            asked = to_wire(name)
        except InvalidName:
            return {"code": -1, "addresses": []}
        if region not in self._clients:
            self._clients[region] = DnsClient(self._runtime.at(region))
        server = Address(region, f"{network}:{PORT}")
        try:
            answer = await self._clients[region].ask(server, asked, A, recursion=True)
        except (Gone, TimedOut):
            return {"code": -1, "addresses": []}
        addresses = [rdata_text("A", one.rdata) for one in answer.answers if one.rtype == A]
        return {"code": answer.rcode, "addresses": addresses}
