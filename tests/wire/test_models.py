"""Models are botocore's, read without botocore."""

import subprocess  # noqa: TID251 - a fresh interpreter, to see what it imports
import sys

import botocore.session
import pytest

from antipodes.wire import models

SESSION = botocore.session.get_session()


@pytest.mark.parametrize("name", ["dynamodb", "cloudwatch", "elbv2", "s3", "rds"])
def test_operations_are_botocores(name: str) -> None:
    ours, theirs = models.service(name), SESSION.get_service_model(name)
    assert list(ours.operation_names) == list(theirs.operation_names)
    for operation in ours.operations():
        model = theirs.operation_model(operation.name)
        for use, shape in (
            (operation.input, model.input_shape),
            (operation.output, model.output_shape),
        ):
            assert (use is None) == (shape is None)
            if use is not None:
                assert list(use.shape.members) == list(shape.members)
                assert list(use.shape.required) == list(shape.required_members)
        assert {shape.name for shape in operation.errors} == {s.name for s in model.error_shapes}


def test_signing_names_find_their_services() -> None:
    found = models.by_signing_name()
    assert found["elasticloadbalancing"] == ("elb", "elbv2")
    assert found["dynamodb"] == ("dynamodb", "dynamodbstreams")
    assert found["monitoring"] == ("cloudwatch",)
    assert models.signing_name("globalaccelerator") == "globalaccelerator"


def test_heads_tell_what_whole_models_tell() -> None:
    for name in ("dynamodb", "iam", "lambda", "cloudfront"):
        assert models.metadata(name) == models.service(name).metadata


def test_a_service_that_is_not_there() -> None:
    for name in ("nonesuch", "../botocore", ""):
        with pytest.raises(KeyError):
            models.service(name)


def test_patterns_that_python_cannot_say_are_not_checked() -> None:
    assert models.compiled(r"[\p{L}]+") is None
    assert models.compiled(r"\z(?<=a*)") is None
    surrogates = models.compiled(r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF]*")
    assert surrogates is not None
    assert surrogates.fullmatch("plain and \U0001f30d")


def test_neither_botocore_nor_cbor_is_imported_for_a_model() -> None:
    """They cost a region's process 100 ms of its start."""
    code = (
        "import sys; from antipodes.wire import models, protocols, validation;"
        "models.service('dynamodb'); print({'botocore', 'cbor2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
