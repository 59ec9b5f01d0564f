"""Zonal shifts as the API has them: starting, changing, ending, and what it refuses."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from antipodes.regional.zonalshift import model
from antipodes.testing.virtualworld import VirtualWorld
from tests.regional.zonalshift.worlds import ZONE_1, ZONE_2, E, Shifting, W


@pytest.fixture(scope="module")
def shifting() -> Iterator[Shifting]:
    with VirtualWorld((W, E)) as world:
        yield Shifting(world)


@pytest.fixture(autouse=True)
def over(shifting: Shifting) -> Iterator[None]:
    yield
    shifting.end()


def reason(function: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        function(**request)
    response = refused.value.response
    return response["Error"]["Code"], response.get("reason", "")


def test_a_shift_is_active_until_it_expires(shifting: Shifting) -> None:
    started = shifting.start()
    assert started["status"] == "ACTIVE"
    assert (started["expiryTime"] - started["startTime"]).total_seconds() == 600
    assert shifting.weights() == {ZONE_1: 0.0, ZONE_2: 1.0}
    shifting.world.advance(seconds=599)
    assert shifting.weights() == {ZONE_1: 0.0, ZONE_2: 1.0}
    shifting.world.advance(seconds=2)
    assert shifting.weights() == {ZONE_1: 1.0, ZONE_2: 1.0}
    newest = shifting.api.list_zonal_shifts()["items"][0]
    assert (newest["zonalShiftId"], newest["status"]) == (started["zonalShiftId"], "EXPIRED")


def test_a_shift_can_be_prolonged_and_canceled(shifting: Shifting) -> None:
    identity = shifting.start(expiresIn="1m")["zonalShiftId"]
    changed = shifting.api.update_zonal_shift(
        zonalShiftId=identity, expiresIn="9m", comment="longer"
    )
    assert changed["comment"] == "longer"
    shifting.world.advance(minutes=8)
    assert shifting.weights()[ZONE_1] == 0.0
    assert shifting.api.cancel_zonal_shift(zonalShiftId=identity)["status"] == "CANCELED"
    assert shifting.weights()[ZONE_1] == 1.0
    again = shifting.api.cancel_zonal_shift
    assert reason(again, zonalShiftId=identity) == (
        "ConflictException",
        "ZonalShiftStatusNotActive",
    )


def test_a_shift_survives_kill_9_and_expires_while_its_region_is_down(shifting: Shifting) -> None:
    shifting.start(expiresIn="2m")
    shifting.world.kill(W).heal()
    shifting.world.advance(seconds=1)
    assert shifting.weights()[ZONE_1] == 0.0
    killed = shifting.world.kill(W)
    shifting.world.advance(minutes=3)
    killed.heal()
    shifting.world.advance(seconds=1)
    assert shifting.weights()[ZONE_1] == 1.0


def test_a_shift_that_ends_while_the_disk_is_full_ends_when_there_is_room(
    shifting: Shifting,
) -> None:
    shifting.start(expiresIn="1m")
    full = shifting.world.disk(W, full=True)
    shifting.world.advance(minutes=2)
    assert shifting.weights()[ZONE_1] == 0.0
    full.heal()
    shifting.world.advance(seconds=2)
    assert shifting.weights()[ZONE_1] == 1.0


def test_of_shifts_that_are_over_the_newest_are_remembered(
    shifting: Shifting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "SHIFTS_KEPT_MAX", 2)
    for number in range(4):
        shifting.end()
        shifting.world.advance(seconds=1)
        shifting.start(comment=str(number))
    kept = shifting.api.list_zonal_shifts()["items"]
    assert [shift["comment"] for shift in kept] == ["3", "2", "1"]


def test_a_resource_has_one_shift_at_a_time(shifting: Shifting) -> None:
    first = shifting.start()
    with pytest.raises(ClientError) as refused:
        shifting.start(awayFrom=ZONE_2)
    response = refused.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert response["reason"] == "ZonalShiftAlreadyExists"
    assert response["zonalShiftId"] == first["zonalShiftId"]


def test_what_makes_no_sense_is_refused_with_its_reason(shifting: Shifting) -> None:
    validation = "ValidationException"
    assert reason(shifting.start, expiresIn="73h") == (validation, "InvalidExpiresIn")
    assert reason(shifting.start, awayFrom="euc1-az1") == (validation, "InvalidAz")
    assert reason(shifting.start, awayFrom="usw2-az3") == (validation, "UnsupportedAz")
    nothing = "arn:aws:s3:::bucket"
    identifier = (validation, "InvalidResourceIdentifier")
    assert reason(shifting.start, resourceIdentifier=nothing) == identifier
    gone = shifting.arn[:-4] + "0000"
    assert reason(shifting.start, resourceIdentifier=gone)[0] == "ResourceNotFoundException"
    update = shifting.api.update_zonal_shift
    assert reason(update, zonalShiftId="0" * 36)[0] == "ResourceNotFoundException"
    identity = shifting.start()["zonalShiftId"]
    assert reason(update, zonalShiftId=identity) == (validation, "MissingValue")


def test_only_who_opted_in_is_managed(shifting: Shifting) -> None:
    plain = shifting.balancer("plain")
    assert reason(shifting.start, resourceIdentifier=plain)[0] == "ResourceNotFoundException"
    (managed,) = shifting.api.list_managed_resources()["items"]
    assert (managed["arn"], managed["availabilityZones"]) == (shifting.arn, [ZONE_1, ZONE_2])
    stranger = shifting.world.client("arc-zonal-shift", W, account="111122223333")
    assert stranger.list_managed_resources()["items"] == []
    known = {"resourceIdentifier": shifting.arn}
    assert reason(stranger.get_managed_resource, **known)[0] == "ResourceNotFoundException"


def test_autoshift_needs_practice_runs_which_are_refused_by_name(shifting: Shifting) -> None:
    configure = shifting.api.update_zonal_autoshift_configuration
    request = {"resourceIdentifier": shifting.arn, "zonalAutoshiftStatus": "ENABLED"}
    assert reason(configure, **request) == (
        "ConflictException",
        "PracticeConfigurationDoesNotExist",
    )
    disabled = configure(resourceIdentifier=shifting.arn, zonalAutoshiftStatus="DISABLED")
    assert disabled["zonalAutoshiftStatus"] == "DISABLED"
    practice = {"resourceIdentifier": shifting.arn, "awayFrom": ZONE_1, "comment": ""}
    assert reason(shifting.api.start_practice_run, **practice)[0] == "NotImplemented"
    assert shifting.api.list_autoshifts()["items"] == []
    shifting.api.update_autoshift_observer_notification_status(status="ENABLED")
    told = shifting.api.get_autoshift_observer_notification_status()
    assert told["status"] == "ENABLED"
