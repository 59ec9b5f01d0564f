"""What the bodies' readers take and refuse, beyond what botocore would send."""

import zlib
from contextlib import suppress
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antipodes.wire import cborbody, formbody, jsonbody, models, protocols, scalars, xmlbody
from antipodes.wire.errors import Malformed, UnknownOperation
from antipodes.wire.models import Member
from antipodes.wire.protocols import Incoming


def input_of(service: str, name: str) -> Member:
    operation = models.service(service).operation(name)
    assert operation is not None
    assert operation.input is not None
    return operation.input


@given(st.binary(max_size=60))
def test_no_bytes_do_more_than_be_refused(body: bytes) -> None:
    def read(kind: str) -> Any:
        match kind:
            case "json":
                return jsonbody.decode(input_of("dynamodb", "PutItem"), body)
            case "cbor":
                return cborbody.decode(input_of("cloudwatch", "PutMetricData"), body)
            case "xml":
                return xmlbody.decode(input_of("route53", "CreateHostedZone"), body)
            case "query":
                fields = formbody.fields(body)
                return formbody.decode(input_of("elbv2", "AddTags"), fields, ec2=False)
        fields = formbody.fields(body)
        return formbody.decode(input_of("ec2", "CreateTags"), fields, ec2=True)

    for kind in ("json", "cbor", "xml", "query", "ec2"):
        value: Any = {}
        with suppress(Malformed):
            value = read(kind)
        assert isinstance(value, dict), kind


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "Tags",
                "Tags.member",
                "Tags.member.1",
                "Tags.member.1.Key",
                "Tags.1.Key",
                "Tags.x.Key",
                "ResourceArns.member.3",
                "ResourceArns.member.1",
                "ResourceArns",
            ]
        ),
        st.sampled_from(["", "a"]),
    )
)
def test_forms_of_any_shape_are_read_or_refused(form: dict[str, str]) -> None:
    try:
        value = formbody.decode(input_of("elbv2", "AddTags"), form, ec2=False)
    except Malformed:
        return
    assert set(value) <= {"Tags", "ResourceArns"}
    assert all(isinstance(tag, dict) for tag in value.get("Tags", []))


def test_list_numbers_order_a_form_and_need_not_be_dense() -> None:
    form = formbody.fields(
        b"ResourceArns.member.10=c&ResourceArns.member.2=b&ResourceArns.member.1=a"
    )
    value = formbody.decode(input_of("elbv2", "AddTags"), form, ec2=False)
    assert value == {"ResourceArns": ["a", "b", "c"]}


def test_xml_entities_are_refused_before_they_grow() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>'
    with pytest.raises(Malformed, match="Document type"):
        xmlbody.parse(bomb)
    with pytest.raises(Malformed, match="too deep"):
        xmlbody.parse(b"<a>" * 500 + b"</a>" * 500)
    with pytest.raises(Malformed, match="not XML"):
        xmlbody.parse(b"<a>")


@given(st.text())
def test_escaped_text_is_always_xml(text: str) -> None:
    read = xmlbody.parse(xmlbody.element("a", xmlbody.escape(text)).encode()).text
    kept = [c for c in text if c in "\t\n\r" or " " <= c < "\ud800" or c >= "\ue000"]
    assert [c for c in read if c != "\ufffd"] == [c for c in kept if c not in "\ufffd\ufffe\uffff"]
    assert len(read) == len(text)


def test_cbor_means_only_what_smithy_can() -> None:
    member = input_of("cloudwatch", "PutMetricData")
    trees: list[Any] = [
        [],
        {"Namespace": 1},
        {"Namespace": cbor2.CBORTag(4, [1, 2])},
        {"MetricData": "x"},
        {"MetricData": [{"Timestamp": cbor2.CBORTag(1, "now")}]},
    ]
    for tree in trees:
        with pytest.raises(Malformed):
            cborbody.decode(member, cbor2.dumps(tree))
    assert cborbody.decode(member, b"") == {}


def test_unknown_members_are_dropped_and_null_is_absent() -> None:
    member = input_of("dynamodb", "ListTables")
    assert jsonbody.decode(member, b'{"Limit": null, "Colour": "red"}') == {}


def test_compressed_bodies_are_bounded_and_whole() -> None:
    packing = zlib.compressobj(wbits=31)
    packed = packing.compress(b"Action=A") + packing.flush()
    headers = {"content-encoding": "gzip"}
    assert Incoming("POST", "/", headers, packed).form == {"Action": "A"}
    for broken in (packed[:-9], b"plain"):
        with pytest.raises(Malformed):
            _ = Incoming("POST", "/", headers, broken).content


@given(st.floats(-2e9, 4e9).map(lambda value: round(value, 3)))
def test_timestamps_survive_their_text(value: float) -> None:
    for style in ("iso8601", "unixTimestamp"):
        assert scalars.timestamp(scalars.timestamp_text(value, style)) == pytest.approx(
            value, abs=1e-5
        )
    whole = float(int(value))
    assert scalars.timestamp(scalars.timestamp_text(whole, "rfc822")) == whole


@pytest.mark.parametrize(
    ("target", "body", "said"),
    [
        ("/2013-04-01/hostedzone", b"<CreateHostedZoneRequest><Name>", "Invalid XML ; "),
        ("/2013-04-01/hostedzone", b"<!DOCTYPE x [<!ENTITY a 'b'>]><x/>", "Invalid XML ; "),
        ("/2013-04-01/trafficpolicy/a/b", b"<x/>", ""),
    ],
)
def test_route_53_calls_what_it_cannot_read_an_invalid_input(
    target: str, body: bytes, said: str
) -> None:
    incoming = Incoming("POST", target, {}, body)
    match = protocols.identify(models.service("route53"), "rest-xml", incoming)
    with pytest.raises(Malformed) as refused:
        protocols.parse_request(match, "rest-xml", incoming)
    assert refused.value.code == "InvalidInput"
    assert refused.value.message.startswith(said)


@pytest.mark.parametrize("text", ["", "yesterday", "Mon", "2026-13-01T00:00:00Z", "1e999", "nan"])
def test_what_is_no_time_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever its words
        scalars.timestamp(text)


@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        ("GET", "/bucket", "ListObjects"),
        ("GET", "/bucket/", "ListObjects"),
        ("GET", "/bucket?list-type=2", "ListObjectsV2"),
        ("GET", "/bucket/a/b%20c/", "GetObject"),
        ("GET", "/bucket/a?uploadId=x", "ListParts"),
        ("PUT", "/bucket/a?uploadId=x&partNumber=1", "UploadPart"),
        ("PUT", "/bucket?versioning", "PutBucketVersioning"),
        ("DELETE", "/bucket/a?tagging", "DeleteObjectTagging"),
        ("GET", "/", "ListBuckets"),
    ],
)
def test_rest_routes_as_older_clients_ask(method: str, target: str, name: str) -> None:
    match = protocols.identify(models.service("s3"), "rest-xml", Incoming(method, target, {}, b""))
    assert match.operation.name == name


def test_greedy_labels_keep_their_slashes() -> None:
    incoming = Incoming("GET", "/bucket/a/b%2Fc/", {}, b"")
    match = protocols.identify(models.service("s3"), "rest-xml", incoming)
    assert match.labels == {"Bucket": "bucket", "Key": "a/b/c/"}


def test_no_route_is_an_unknown_operation() -> None:
    for method, target in (("PATCH", "/2015-03-31/functions/"), ("GET", "/nowhere")):
        incoming = Incoming(method, target, {}, b"")
        with pytest.raises(UnknownOperation) as caught:
            protocols.identify(models.service("lambda"), "rest-json", incoming)
        assert caught.value.status == 404
