"""Resource policies and contributor insights: records with AWS's manners."""

import json
from typing import Any

import pytest

from tests.regional.dynamodb.tablehost import ACCOUNT, REGION, TableHost, create, with_tables
from tests.regional.dynamodb.test_operations import failure

ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/Things"
ALLOW = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": ["dynamodb:GetItem"],
    "Resource": ARN,
}

NESTED = "[" * 500 + "]" * 500


def document(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=1)


def test_a_policy_has_a_revision_that_changes_with_what_it_says() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)

        async def put(text: str, **expected: str) -> Any:
            return await host.ask("PutResourcePolicy", ResourceArn=ARN, Policy=text, **expected)

        failure(await host.ask("GetResourcePolicy", ResourceArn=ARN), "PolicyNotFoundException")
        assert await host.ask("DeleteResourcePolicy", ResourceArn=ARN) == {}
        refused = await put(document(ALLOW), ExpectedRevisionId="1")
        failure(refused, "PolicyNotFoundException")
        first = await put(document(ALLOW), ExpectedRevisionId="NO_POLICY")
        again = document({**dict(reversed(ALLOW.items())), "Action": "dynamodb:GetItem"})
        assert await put(again) == first
        found = await host.ask("GetResourcePolicy", ResourceArn=ARN)
        assert json.loads(found["Policy"])["Statement"][0]["Action"] == "dynamodb:GetItem"
        failure(await put(again, ExpectedRevisionId="NO_POLICY"), "PolicyNotFoundException")
        second = await put(document({**ALLOW, "Sid": "a"}), ExpectedRevisionId=first["RevisionId"])
        assert second != first
        refused = await host.ask(
            "DeleteResourcePolicy", ResourceArn=ARN, ExpectedRevisionId=first["RevisionId"]
        )
        failure(refused, "PolicyNotFoundException", "did not match")
        gone = await host.ask("DeleteResourcePolicy", ResourceArn=ARN)
        assert int(gone["RevisionId"]) > int(second["RevisionId"])
        failure(await host.ask("GetResourcePolicy", ResourceArn=ARN), "PolicyNotFoundException")

    with_tables(scenario)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "This policy contains invalid Json"),
        ("[]", "This policy contains invalid Json"),
        ("{}", "Statement is empty!"),
        (document({**ALLOW, "Condition": "?"}).replace('"?"', NESTED), "contains invalid Json"),
        (document({"Effect": "Allow"}), "Missing required field Principal"),
        (document({**ALLOW, "Sid": "a"}, {**ALLOW, "Sid": "a"}), "are not unique"),
        (document({**ALLOW, "Effect": "Perhaps"}), "Unknown Effect"),
        (document({**ALLOW, "Principal": "*"}), "grants unbounded access"),
        (document({**ALLOW, "Resource": "x" * 20_480}), "Maximum policy size of 20480 bytes"),
    ],
)
def test_a_document_that_is_no_policy_is_refused(text: str, message: str) -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        refused = await host.ask("PutResourcePolicy", ResourceArn=ARN, Policy=text)
        failure(refused, "ValidationException", message)
        assert host.dynamodb.record(ACCOUNT, "Things").policies == {}

    with_tables(scenario)


def test_policies_belong_to_tables_and_streams_and_go_with_them() -> None:
    async def scenario(host: TableHost) -> None:
        await create(host)
        stream = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
        answer = await host.ask("UpdateTable", TableName="Things", StreamSpecification=stream)
        arn = answer["TableDescription"]["LatestStreamArn"]
        policy = document({**ALLOW, "Resource": arn})
        assert await host.ask("PutResourcePolicy", ResourceArn=arn, Policy=policy)
        failure(await host.ask("GetResourcePolicy", ResourceArn=ARN), "PolicyNotFoundException")
        assert (await host.ask("GetResourcePolicy", ResourceArn=arn))["RevisionId"]
        refused = await host.ask("GetResourcePolicy", ResourceArn=f"{ARN}/index/i")
        failure(refused, "ValidationException", "only table or stream is accepted")
        refused = await host.ask("GetResourcePolicy", ResourceArn=f"{ARN}/stream/never")
        failure(refused, "ResourceNotFoundException", "Stream: never not found for Table: Things")
        await host.ask("DeleteTable", TableName="Things")
        refused = await host.ask("GetResourcePolicy", ResourceArn=ARN)
        failure(refused, "ResourceNotFoundException", "Table: Things not found")

    with_tables(scenario)


def test_contributor_insights_are_switched_shown_and_listed() -> None:
    async def scenario(host: TableHost) -> None:
        for name in ("Aaa", "Things"):
            await create(host, name, sort="S")
        shown = await host.ask("DescribeContributorInsights", TableName="Things")
        assert shown == {"TableName": "Things", "ContributorInsightsStatus": "DISABLED"}

        async def update(action: str, **more: str) -> Any:
            return await host.ask(
                "UpdateContributorInsights",
                TableName="Things",
                ContributorInsightsAction=action,
                **more,
            )

        assert (await update("DISABLE"))["ContributorInsightsStatus"] == "DISABLED"
        assert (await update("ENABLE"))["ContributorInsightsStatus"] == "ENABLING"
        assert (await update("ENABLE"))["ContributorInsightsStatus"] == "ENABLED"
        shown = await host.ask("DescribeContributorInsights", TableName="Things")
        assert len(shown["ContributorInsightsRuleList"]) == 4
        await update("ENABLE", ContributorInsightsMode="THROTTLED_KEYS")
        shown = await host.ask("DescribeContributorInsights", TableName="Things")
        assert len(shown["ContributorInsightsRuleList"]) == 2
        listed = (await host.ask("ListContributorInsights"))["ContributorInsightsSummaries"]
        assert [entry["TableName"] for entry in listed] == ["Things"]
        refused = await update("ENABLE", IndexName="nothing")
        failure(refused, "ResourceNotFoundException", "Index: nothing not found for table")
        assert (await update("DISABLE"))["ContributorInsightsStatus"] == "DISABLING"
        assert (await host.ask("ListContributorInsights"))["ContributorInsightsSummaries"] == []

    with_tables(scenario)
