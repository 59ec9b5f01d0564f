"""Functions as the API shows them: what is created, changed, listed, and what is refused."""

import base64
import hashlib
import io
import json
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from antipodes.regional.lambda_ import model, packages
from antipodes.service.contract import ServiceError, Settings
from tests.regional.lambda_.hosts import (
    ACCOUNT,
    REGION,
    ROLE,
    SmallHost,
    in_real,
    in_thread,
    in_virtual,
    package,
)

CODE = "def handler(event, context): return 1\n"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"


async def refused(host: SmallHost, operation: str, **request: Any) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        await host.do(operation, **request)
    return caught.value


def test_a_function_is_shown_as_it_was_made() -> None:
    async def scenario(host: SmallHost) -> None:
        made = await host.deploy(
            CODE,
            Timeout=30,
            MemorySize=512,
            Description="d",
            Environment={"Variables": {"tablename": "GlobalApp"}},
            Tags={"team": "sea"},
            Architectures=["arm64"],
            LoggingConfig={"LogGroup": "/mine"},
        )
        zipped = package(CODE)
        assert made["FunctionArn"] == ARN
        assert made["CodeSize"] == len(zipped)
        digest = hashlib.sha256(zipped).digest()
        assert made["CodeSha256"] == base64.b64encode(digest).decode()
        assert (made["Timeout"], made["MemorySize"], made["Version"]) == (30, 512, "$LATEST")
        assert made["Environment"] == {"Variables": {"tablename": "GlobalApp"}}
        assert made["LastModified"] == "2026-01-01T00:00:00.000+0000"
        assert made["State"] == "Active"
        assert made["LoggingConfig"]["LogGroup"] == "/mine"
        assert await host.do("GetFunctionConfiguration", FunctionName="f") == made
        for name in (ARN, f"{ACCOUNT}:function:f", f"{ARN}:$LATEST"):
            found = await host.do("GetFunction", FunctionName=name)
            assert found["Configuration"] == made
            assert found["Tags"] == {"team": "sea"}
        versions = await host.do("ListVersionsByFunction", FunctionName="f")
        assert [v["FunctionArn"] for v in versions["Versions"]] == [f"{ARN}:$LATEST"]

    in_virtual(scenario)


def test_functions_survive_a_restart_of_their_host() -> None:
    async def scenario(host: SmallHost) -> None:
        await host.deploy(CODE)
        await host.store.committed()
        reopened = SmallHost(host.runtime, host.settings)
        await reopened.start()
        assert (await reopened.invoke())["Payload"] == b"1"

    in_virtual(scenario)


def test_a_new_function_is_pending_and_then_active() -> None:
    async def scenario(host: SmallHost) -> None:
        assert (await host.deploy(CODE))["State"] == "Pending"
        error = await refused(host, "Invoke", FunctionName="f")
        assert (error.code, error.status) == ("ResourceConflictException", 409)
        await host.runtime.sleep(5.1)
        assert (await host.invoke())["Payload"] == b"1"
        changed = await host.do("UpdateFunctionConfiguration", FunctionName="f", Timeout=9)
        assert (changed["State"], changed["LastUpdateStatus"]) == ("Active", "InProgress")
        error = await refused(host, "UpdateFunctionCode", FunctionName="f", ZipFile=package("x=1"))
        assert error.code == "ResourceConflictException"
        assert "An update is in progress" in error.message
        await host.runtime.sleep(5.1)
        found = await host.do("GetFunctionConfiguration", FunctionName="f")
        assert (found["LastUpdateStatus"], found["Timeout"]) == ("Successful", 9)

    in_virtual(scenario, settings=Settings(control_plane_delay_s=5.0))


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"FunctionName": "a b"}, "", "functionName"),
        ({"FunctionName": "f" * 65}, "", "functionName"),
        ({"Runtime": "nodejs20.x"}, "InvalidParameterValueException", "Only Python"),
        ({"Runtime": "python2.7"}, "InvalidParameterValueException", "python3.12"),
        ({"Role": "lambda"}, "", "role"),
        ({"Handler": "a b"}, "", "handler"),
        ({"Timeout": 0}, "", "greater than or equal to 1"),
        ({"Timeout": 901}, "", "900"),
        ({"MemorySize": 127}, "", "128"),
        ({"MemorySize": 10_241}, "", "10240"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "", "Reserved keys"),
        ({"Environment": {"Variables": {"A1": "x" * 4096}}}, "", "4KB"),
        ({"Environment": {"Variables": {"1A": "x"}}}, "", "environment.variables"),
        ({"Code": {}}, "InvalidParameterValueException", "source"),
        ({"Code": {"ZipFile": b"PK no zip"}}, "", "Could not unzip uploaded file."),
        ({"Code": {"ZipFile": b""}}, "", "empty"),
        ({"Code": {"S3Bucket": "b" * 3, "S3Key": "k"}}, "", "S3"),
        ({"Code": {"ImageUri": "x"}}, "", "ImageUri"),
        ({"Publish": True}, "", "Publish"),
        ({"Layers": ["arn:aws:lambda:us-west-2:123456789012:layer:l:1"]}, "", "Layers"),
        ({"VpcConfig": {"SubnetIds": ["subnet-1"]}}, "", "must coexist"),
        ({"VpcConfig": {"SecurityGroupIds": ["sg-1"]}}, "", "must coexist"),
        ({"VpcConfig": {"SubnetIds": ["subnet-1"] * 17}}, "", "vpcConfig.subnetIds"),
        ({"VpcConfig": {"SecurityGroupIds": ["sg-1"] * 6}}, "", "vpcConfig.securityGroupIds"),
        ({"VpcConfig": {"Ipv6AllowedForDualStack": True}}, "", "Ipv6AllowedForDualStack"),
        ({"TracingConfig": {"Mode": "Active"}}, "", "TracingConfig"),
        ({"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:us-west-2:1:q"}}, "", "DeadLetterConfig"),
        ({"Tags": {"aws:x": "y"}}, "", "aws:"),
        ({"Tags": {f"k{n}": "" for n in range(51)}}, "", "50"),
        ({"Architectures": ["arm64", "x86_64"]}, "", "architectures"),
    ],
)
def test_what_no_function_can_be(change: dict[str, Any], code: str, words: str) -> None:
    async def scenario(host: SmallHost) -> None:
        with pytest.raises(ServiceError) as caught:
            await host.deploy(CODE, **change)
        assert caught.value.status in {400, 413}
        assert code in {"", caught.value.code}
        assert words in caught.value.message
        assert (await host.do("ListFunctions"))["Functions"] == []

    in_virtual(scenario)


@pytest.mark.parametrize("path", ["../out.py", "/etc/out.py", "a/../../out.py", "..\\out.py"])
def test_a_package_cannot_climb_out_of_its_root(path: str) -> None:
    with pytest.raises(ServiceError, match="leaves the package"):
        packages.validate(package({path: "x = 1"}))


def test_a_package_has_no_links() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ServiceError, match="symbolic link"):
        packages.validate(buffer.getvalue())


@given(st.data())
def test_a_damaged_package_is_refused_and_never_anything_worse(data: st.DataObject) -> None:
    whole = package({"app.py": CODE, "lib/x.py": "y = 1\n" * 50})
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] + data.draw(st.binary(max_size=4)) + whole[at + 1 :]
    try:
        packages.validate(damaged)
    except ServiceError as error:
        assert error.code == "InvalidParameterValueException"  # noqa: PT017 - it may also pass
    else:
        assert packages.files_of(damaged)


@given(st.text(max_size=80))
def test_a_name_is_parsed_or_refused(text: str) -> None:
    try:
        reference = model.parse_reference(text, REGION, ACCOUNT)
    except ServiceError as error:
        assert error.status in {400, 403, 404}  # noqa: PT017 - it may also pass
    else:
        model.validate_name(reference.name)
        assert reference.qualifier == "$LATEST"


def test_names_of_elsewhere() -> None:
    for text, code in (
        ("arn:aws:lambda:eu-west-1:000000000000:function:f", "ResourceNotFoundException"),
        ("arn:aws:lambda:us-west-2:123456789012:function:f", "AccessDeniedException"),
        ("f:prod", "ResourceNotFoundException"),
    ):
        with pytest.raises(ServiceError) as caught:
            model.parse_reference(text, REGION, ACCOUNT)
        assert caught.value.code == code


def test_conflicts_and_what_is_not_there() -> None:
    async def scenario(host: SmallHost) -> None:
        await host.deploy(CODE)
        with pytest.raises(ServiceError, match="Function already exist: f") as caught:
            await host.deploy(CODE)
        assert caught.value.status == 409
        for operation in ("GetFunction", "DeleteFunction", "Invoke", "GetPolicy"):
            error = await refused(host, operation, FunctionName="g")
            assert (error.code, error.status) == ("ResourceNotFoundException", 404)
        stale = {"FunctionName": "f", "RevisionId": "x"}
        error = await refused(host, "UpdateFunctionConfiguration", **stale, Timeout=4)
        assert (error.code, error.status) == ("PreconditionFailedException", 412)
        await host.do("DeleteFunction", FunctionName="f")
        assert (await refused(host, "GetFunction", FunctionName="f")).status == 404
        left = host.store.scan(b"lambda/", b"lambda0")
        assert left == []

    in_virtual(scenario)


def test_invocations_that_are_refused() -> None:
    async def scenario(host: SmallHost) -> None:
        await host.deploy(CODE)
        for request, code, status in (
            ({"Payload": b"{"}, "InvalidRequestContentException", 400),
            ({"Payload": b'"' + b"x" * (6 << 20) + b'"'}, "RequestTooLargeException", 413),
            ({"InvocationType": "Event"}, "InvalidParameterValueException", 400),
            ({"ClientContext": "%"}, "InvalidRequestContentException", 400),
            ({"Qualifier": "7"}, "ResourceNotFoundException", 404),
        ):
            error = await refused(host, "Invoke", FunctionName="f", **request)
            assert (error.code, error.status) == (code, status)
        dry = await host.invoke(InvocationType="DryRun")
        assert dry["StatusCode"] == 204
        assert (await host.invoke(b""))["Payload"] == b"1"

    in_virtual(scenario)


def test_lists_come_in_pages() -> None:
    async def scenario(host: SmallHost) -> None:
        for name in ("c", "a", "b"):
            await host.deploy(CODE, FunctionName=name)
        first = await host.do("ListFunctions", MaxItems=2)
        assert [f["FunctionName"] for f in first["Functions"]] == ["a", "b"]
        second = await host.do("ListFunctions", Marker=first["NextMarker"])
        assert [f["FunctionName"] for f in second["Functions"]] == ["c"]
        assert "NextMarker" not in second
        assert (await refused(host, "ListFunctions", Marker="€")).status == 400

    in_virtual(scenario)


def test_policies_tags_and_concurrency_are_records() -> None:
    async def scenario(host: SmallHost) -> None:
        await host.deploy(CODE)
        assert (await refused(host, "GetPolicy", FunctionName="f")).status == 404
        allow = {
            "FunctionName": "f",
            "StatementId": "elb",
            "Action": "lambda:InvokeFunction",
            "Principal": "elasticloadbalancing.amazonaws.com",
            "SourceArn": "arn:aws:elasticloadbalancing:us-west-2:000000000000:targetgroup/t/1",
        }
        added = json.loads((await host.do("AddPermission", **allow))["Statement"])
        assert added["Principal"] == {"Service": "elasticloadbalancing.amazonaws.com"}
        assert added["Condition"] == {"ArnLike": {"AWS:SourceArn": allow["SourceArn"]}}
        assert (await refused(host, "AddPermission", **allow)).status == 409
        policy = json.loads((await host.do("GetPolicy", FunctionName="f"))["Policy"])
        assert policy["Statement"] == [added]
        await host.do("RemovePermission", FunctionName="f", StatementId="elb")
        gone = await refused(host, "RemovePermission", FunctionName="f", StatementId="elb")
        assert gone.status == 404

        await host.do("TagResource", Resource=ARN, Tags={"a": "1", "b": "2"})
        await host.do("UntagResource", Resource=ARN, TagKeys=["a"])
        assert (await host.do("ListTags", Resource=ARN))["Tags"] == {"b": "2"}

        await host.do("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=0)
        error = await refused(host, "Invoke", FunctionName="f")
        assert (error.code, error.status) == ("TooManyRequestsException", 429)
        assert error.members["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
        settings = await host.do("GetAccountSettings")
        assert settings["AccountUsage"]["FunctionCount"] == 1
        await host.do("DeleteFunctionConcurrency", FunctionName="f")
        assert (await host.invoke())["Payload"] == b"1"
        too_many = {"FunctionName": "f", "ReservedConcurrentExecutions": 901}
        assert (await refused(host, "PutFunctionConcurrency", **too_many)).status == 400

    in_virtual(scenario)


def test_boto3_sees_two_accounts_apart_waits_and_gets_errors() -> None:
    def customer(host: SmallHost) -> None:
        ours, theirs = host.client("lambda"), host.client("lambda", "123456789012")
        made = {
            "FunctionName": "f",
            "Runtime": "python3.12",
            "Role": ROLE,
            "Handler": "app.handler",
        }
        for client, answer in ((ours, 1), (theirs, 2)):
            code = {"ZipFile": package(f"def handler(event, context): return {answer}\n")}
            client.create_function(**made, Code=code)
            client.get_waiter("function_active_v2").wait(FunctionName="f")
        for client, payload in ((ours, b"1"), (theirs, b"2")):
            assert client.invoke(FunctionName="f")["Payload"].read() == payload
        ours.update_function_configuration(
            FunctionName="f", Environment={"Variables": {"STATUS": "400"}}
        )
        ours.get_waiter("function_updated_v2").wait(FunctionName="f")
        theirs.delete_function(FunctionName="f")
        assert [f["FunctionName"] for f in ours.list_functions()["Functions"]] == ["f"]
        with pytest.raises(theirs.exceptions.ResourceNotFoundException):
            theirs.invoke(FunctionName="f")
        with pytest.raises(ours.exceptions.InvalidParameterValueException, match="unzip"):
            ours.update_function_code(FunctionName="f", ZipFile=b"no")
        with pytest.raises(ClientError) as caught:
            ours.publish_version(FunctionName="f")
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert ours.invoke(FunctionName="f", InvocationType="DryRun")["StatusCode"] == 204

    async def scenario(host: SmallHost) -> None:
        await in_thread(customer, host)

    in_real(scenario)
