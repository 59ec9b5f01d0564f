"""Server-side encryption, as records: what DescribeTable shows of a table's KMS key.

There is no KMS here: a key id, alias or ARN stands for a key of that name that always works.
Nothing is encrypted. Rules and wording: "Encryption at rest" (Developer Guide) and ack-api-quirks,
services/dynamodb, DDB-TABLE-044, 081, 082.
"""

import hashlib
from typing import Any

import msgspec

from antipodes.regional.dynamodb.errors import invalid_value, limit_exceeded
from antipodes.regional.dynamodb.features import Encryption
from antipodes.regional.dynamodb.model import Table, uuid_of

AWS_MANAGED = "alias/aws/dynamodb"
CHANGES_MAX = 4
CHANGES_S = 86_400.0


def check(specification: dict[str, Any] | None, account: str, region: str) -> str:
    """Return the ARN of the key that an SSESpecification asks for; none for AWS's own."""
    if not specification:
        return ""
    enabled, kind = specification.get("Enabled"), specification.get("SSEType")
    key = specification.get("KMSMasterKeyId")
    if enabled is False:
        for name in ("SSEType", "KMSMasterKeyId"):
            if specification.get(name) is not None:
                raise invalid_value(f"{name} can not be specified if Enabled is false")
        return ""
    if kind == "AES256":
        raise invalid_value("SSEType AES256 is not supported")
    if key is not None and kind != "KMS":
        raise invalid_value("SSEType KMS is required if KMSMasterKeyId is specified")
    if not enabled and kind is None:
        return ""
    return _arn(key or AWS_MANAGED, account, region)


def _arn(key: str, account: str, region: str) -> str:
    prefix = f"arn:aws:kms:{region}:{account}:"
    if key.startswith("arn:"):
        if not key.startswith(prefix):
            raise invalid_value(f"KMS validation error: Invalid arn {key}")
        key = key.removeprefix(prefix)
    name = key.removeprefix("key/")
    if name.startswith("alias/"):
        digest = hashlib.blake2b(f"{account}/{region}/{name}".encode(), digest_size=8)
        name = uuid_of(digest.digest())
    return f"{prefix}key/{name}"


def changed(table: Table, specification: dict[str, Any], now: float) -> Encryption:
    """The encryption that an UpdateTable leads to, checked."""
    key = check(specification, table.account, table.region)
    if not key and not table.encryption.key:
        raise invalid_value("Table is already encrypted by default")
    if key and specification.get("KMSMasterKeyId") == table.encryption.key:
        raise invalid_value(
            "Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if "
            "you want to change Master Key"
        )
    recent = tuple(at for at in table.encryption.changed if now - CHANGES_S < at <= now)
    if len(recent) >= CHANGES_MAX:
        raise limit_exceeded(
            f"Encryption mode changes are limited to {CHANGES_MAX} in a 24h window"
        )
    return Encryption(key, (*recent, now))


def description(encryption: Encryption) -> dict[str, Any]:
    """The SSEDescription member, where a KMS key is used."""
    if not encryption.key:
        return {}
    return {
        "SSEDescription": {
            "Status": "ENABLED",
            "SSEType": "KMS",
            "KMSMasterKeyArn": encryption.key,
        }
    }


def inherited(encryption: Encryption) -> Encryption:
    """What a restored table takes over."""
    return msgspec.structs.replace(encryption, changed=())
