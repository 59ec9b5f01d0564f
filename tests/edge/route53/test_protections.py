"""Record sets that are protected from changes."""

from typing import Any

from tests.edge.route53.controlplane import ControlPlane, play, record

WWW = "www.example.com"


def test_protected_records_stay_as_they_are() -> None:
    async def scenario(plane: ControlPlane) -> None:
        zone = await plane.zone()
        await plane.change(zone, ("CREATE", record(WWW)))
        protections = [
            {"RecordName": WWW, "RecordType": "A", "Comment": "by hand only"},
            {"RecordName": "new.example.com", "RecordType": "TXT"},
        ]
        await plane.call(
            "CreateResourceRecordSetProtections", HostedZoneId=zone, Protections=protections
        )
        for change in (
            ("DELETE", record(WWW)),
            ("UPSERT", record(WWW, "A", "192.0.2.9")),
            ("CREATE", record("new.example.com", "TXT", '"x"')),
        ):
            said = await plane.unchanged(zone, ("CREATE", record("x.example.com")), change)
            assert "is protected" in said
        assert "(by hand only)" in await plane.unchanged(zone, ("DELETE", record(WWW)))
        listed = await plane.call("ListResourceRecordSetProtections", HostedZoneId=zone)
        shown = listed["ResourceRecordSetProtections"]
        assert [(p["RecordName"], p["RecordType"]) for p in shown] == [
            ("new.example.com.", "TXT"),
            ("www.example.com.", "A"),
        ]

        async def code(operation: str, *given: dict[str, str]) -> Any:
            request: Any = {"HostedZoneId": zone, "Protections": list(given)}
            error = await plane.refused(f"{operation}ResourceRecordSetProtections", **request)
            return error.code, [part["Code"] for part in error.members["Errors"]]

        fresh = {"RecordName": "f.example.com", "RecordType": "A"}
        outside = {"RecordName": "f.example.org", "RecordType": "A"}
        assert await code("Create", protections[0]) == (
            "ProtectionAlreadyExists",
            ["ProtectionAlreadyExists"],
        )
        batch = "InvalidResourceRecordSetProtectionBatch"
        assert await code("Create", protections[0], fresh) == (batch, ["ProtectionAlreadyExists"])
        assert await code("Create", protections[0], outside) == (batch, ["InvalidInput"])
        assert await code("Create", fresh, fresh) == (batch, ["InvalidInput"])
        assert await code("Delete", protections[0], fresh) == (batch, ["ProtectionNotFound"])
        keys = [{k: p[k] for k in ("RecordName", "RecordType")} for p in protections]
        await plane.call("DeleteResourceRecordSetProtections", HostedZoneId=zone, Protections=keys)
        await plane.change(zone, ("DELETE", record(WWW)))

    play(scenario)
