"""What hosts say of themselves, put together."""

from typing import Any

from antipodes.hosting.reports import networks_as


def told(networks: list[str], **names: str) -> dict[str, Any]:
    """What a region tells of an account's networks, with what that calls its things."""
    return {"networks": {one: {"id": one} for one in networks}, "names": names}


HERE = {
    "1": told(["vpc_1"], vpc_1="office", pcx="bridge"),
    "2": told(["vpc_2", "vpc_3"], vpc_2="office", vpc_3="lab", pcx="tunnel"),
}
THERE = {"2": told(["vpc_4"], vpc_4="archive")}


def test_networks_of_all_accounts_are_one_and_names_are_meant_as_one_of_them_means_them() -> None:
    found = networks_as("1", {"here": HERE, "there": THERE, "nowhere": {}})
    assert set(found) == {"here", "there"}
    assert set(found["here"]["networks"]) == {"vpc_1", "vpc_2", "vpc_3"}
    assert found["here"]["names"] == {"vpc_1": "office", "vpc_3": "lab", "pcx": "bridge"}
    assert found["there"]["names"] == {"vpc_4": "archive"}
    found = networks_as("2", {"here": HERE, "there": THERE})
    assert found["here"]["names"] == {"vpc_2": "office", "vpc_3": "lab", "pcx": "tunnel"}


def test_nothing_is_told_to_who_has_no_networks() -> None:
    assert networks_as("3", {"here": HERE}) == {}
    found = networks_as("3", {"here": HERE}, of_any=True)
    assert set(found["here"]["networks"]) == {"vpc_1", "vpc_2", "vpc_3"}
