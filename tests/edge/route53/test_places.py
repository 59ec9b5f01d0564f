"""CIDR collections, places of geolocation records, and tags."""

from typing import Any

from tests.edge.route53.controlplane import STRANGER, ControlPlane, play, record

BLOCKS = {"LocationName": "office", "Action": "PUT", "CidrList": ["192.0.2.0/24", "2001:db8::/48"]}


async def collection(plane: ControlPlane, name: str = "mine") -> str:
    made = await plane.call("CreateCidrCollection", Name=name, CallerReference=name)
    found: str = made["Collection"]["Id"]
    return found


async def change(plane: ControlPlane, of: str, *changes: dict[str, Any], **more: Any) -> Any:
    return await plane.call("ChangeCidrCollection", Id=of, Changes=list(changes), **more)


async def code(plane: ControlPlane, of: str, *changes: dict[str, Any], **more: Any) -> str:
    error = await plane.refused("ChangeCidrCollection", Id=of, Changes=list(changes), **more)
    return error.code


def test_a_collection_has_versions_locations_and_blocks() -> None:
    async def scenario(plane: ControlPlane) -> None:
        mine = await collection(plane)
        assert await collection(plane) == mine
        other = {"Name": "mine", "CallerReference": "other"}
        error = await plane.refused("CreateCidrCollection", **other)
        assert error.code == "CidrCollectionAlreadyExistsException"
        made = await change(plane, mine, BLOCKS, CollectionVersion=1)
        assert (await plane.call("GetChange", Id=made["Id"]))["ChangeInfo"]["Status"] == "PENDING"
        kind, (told, payload) = plane.told()[-1]
        assert (kind, told, payload["version"]) == ("route53/cidr", mine, 2)
        assert await code(plane, mine, BLOCKS, CollectionVersion=1) == (
            "CidrCollectionVersionMismatchException"
        )
        listed = await plane.call("ListCidrBlocks", CollectionId=mine, MaxResults="1")
        more = await plane.call("ListCidrBlocks", CollectionId=mine, NextToken=listed["NextToken"])
        assert [b["CidrBlock"] for b in listed["CidrBlocks"] + more["CidrBlocks"]] == [
            "192.0.2.0/24",
            "2001:db8::/48",
        ]
        for wrong in ("192.0.2.0/25", "192.0.2.1/24", "2001:db8::/49", "0.0.0.0/0", "x"):
            assert await code(plane, mine, {**BLOCKS, "CidrList": [wrong]}) == "InvalidInput"
        home = {**BLOCKS, "LocationName": "home"}
        assert await code(plane, mine, home) == "CidrBlockInUseException"
        # Blocks move from one location to another in one change.
        await change(plane, mine, {**BLOCKS, "Action": "DELETE_IF_EXISTS"}, home)
        places = await plane.call("ListCidrLocations", CollectionId=mine)
        assert places["CidrLocations"] == [{"LocationName": "home"}]
        where = {"CollectionId": mine, "LocationName": "office"}
        error = await plane.refused("ListCidrBlocks", **where)
        assert (error.code, error.status) == ("NoSuchCidrLocationException", 404)
        many = [f"10.{n // 256}.{n % 256}.0/24" for n in range(999)]
        assert await code(plane, mine, {**BLOCKS, "CidrList": many}) == "LimitsExceeded"
        error = await plane.refused("ListCidrLocations", STRANGER, CollectionId=mine)
        assert (error.code, error.status) == ("NoSuchCidrCollectionException", 404)

    play(scenario)


def test_a_collection_that_records_use_stays() -> None:
    async def scenario(plane: ControlPlane) -> None:
        mine, zone = await collection(plane), await plane.zone()
        await change(plane, mine, BLOCKS)

        def routed(identifier: str, location: str, of: str = mine) -> dict[str, Any]:
            routing = {"CollectionId": of, "LocationName": location}
            return record("www.example.com", SetIdentifier=identifier, CidrRoutingConfig=routing)

        await plane.change(zone, ("CREATE", routed("a", "office")), ("CREATE", routed("b", "*")))
        assert "no location" in await plane.unchanged(zone, ("CREATE", routed("c", "nowhere")))
        second = await collection(plane, "second")
        for wrong in (routed("c", "*", second), routed("c", "office")):
            assert "exists." in await plane.unchanged(zone, ("CREATE", wrong))
        gone = {**BLOCKS, "Action": "DELETE_IF_EXISTS"}
        assert await code(plane, mine, gone) == "CidrBlockInUseException"
        error = await plane.refused("DeleteCidrCollection", Id=mine)
        assert error.code == "CidrCollectionInUseException"
        await plane.change(zone, ("DELETE", routed("a", "office")), ("DELETE", routed("b", "*")))
        await change(plane, mine, gone)
        await plane.call("DeleteCidrCollection", Id=mine)
        assert plane.told()[-1] == ("route53/cidr", [mine, None])
        for number in range(4):
            await collection(plane, f"c{number}")
        sixth = {"Name": "sixth", "CallerReference": "sixth"}
        assert (await plane.refused("CreateCidrCollection", **sixth)).code == "LimitsExceeded"
        listed = await plane.call("ListCidrCollections", MaxResults="3")
        assert len(listed["CidrCollections"]) == 3
        error = await plane.refused("ListCidrCollections", NextToken="x")
        assert error.code == "InvalidInput"

    play(scenario)


def test_places_are_listed_countries_first_and_found_by_code() -> None:
    async def scenario(plane: ControlPlane) -> None:
        listed: list[dict[str, str]] = []
        start: dict[str, str] = {}
        page: Any = {"IsTruncated": True}
        while page["IsTruncated"]:
            page = await plane.call("ListGeoLocations", MaxItems="77", **start)
            listed += page["GeoLocationDetailsList"]
            start = {k.replace("Next", "Start"): v for k, v in page.items() if k.startswith("Next")}
        assert (len(listed), listed[0]["CountryCode"]) == (1 + 246 + 51 + 7, "*")
        assert [place["ContinentCode"] for place in listed[-7:]] == [
            *("AF", "AN", "AS", "EU", "NA", "OC", "SA")
        ]
        usa = listed.index({"CountryCode": "US", "CountryName": "United States"})
        assert listed[usa + 1]["SubdivisionName"] == "Alaska"
        found = await plane.call("GetGeoLocation", CountryCode="US", SubdivisionCode="CA")
        assert found["GeoLocationDetails"]["SubdivisionName"] == "California"
        for wrong in ({"CountryCode": "BV"}, {"ContinentCode": "XX"}):
            error = await plane.refused("GetGeoLocation", **wrong)
            assert (error.code, error.status) == ("NoSuchGeoLocation", 404)
        both = {"ContinentCode": "EU", "CountryCode": "DE"}
        assert (await plane.refused("GetGeoLocation", **both)).code == "InvalidInput"

    play(scenario)


def test_zones_and_health_checks_have_tags() -> None:
    async def scenario(plane: ControlPlane) -> None:
        zone = await plane.zone()
        this: Any = {"ResourceType": "hostedzone", "ResourceId": zone}
        tags = [{"Key": f"k{number}", "Value": "v"} for number in range(10)]
        await plane.call("ChangeTagsForResource", **this, AddTags=tags)
        eleventh = [{"Key": "k10", "Value": "v"}]
        assert (await plane.refused("ChangeTagsForResource", **this, AddTags=eleventh)).code == (
            "InvalidInput"
        )
        await plane.call(
            "ChangeTagsForResource", **this, AddTags=eleventh, RemoveTagKeys=["k0", "none"]
        )
        found = (await plane.call("ListTagsForResource", **this))["ResourceTagSet"]
        assert [tag["Key"] for tag in found["Tags"]] == [f"k{number}" for number in range(1, 11)]
        several: Any = {"ResourceType": "hostedzone", "ResourceIds": [zone]}
        assert (await plane.call("ListTagsForResources", **several))["ResourceTagSets"] == [found]
        assert (await plane.refused("ChangeTagsForResource", **this)).code == "InvalidInput"
        for kind, missing in {
            "hostedzone": "NoSuchHostedZone",
            "healthcheck": "NoSuchHealthCheck",
        }.items():
            request = {"ResourceType": kind, "ResourceId": "Z404"}
            error = await plane.refused("ListTagsForResource", **request)
            assert (error.code, error.status) == (missing, 404)
        await plane.call("DeleteHostedZone", Id=zone)
        assert (await plane.refused("ListTagsForResource", **this)).code == "NoSuchHostedZone"

    play(scenario)
