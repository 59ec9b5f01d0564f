"""Requests that are wrong, and DynamoDB's words for what is wrong with them.

The words are those of facts/data.md and of the public test suites of dynalite, of Scylla's
Alternator and of nubo-db/dynamodb-conformance, all of which ran against the real service.
"""

from typing import Any

KEY = {"p": {"S": "k"}}
THINGS: dict[str, Any] = {"TableName": "Things"}
NOWHERE = {"TableName": "Nowhere"}
INVALID = "One or more parameter values were invalid: "
UNFIT = "The provided key element does not match the schema"
EMPTY_KEY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
    "contain an empty string value. Key: p"
)
BOTH = (
    "Can not use both expression and non-expression parameters in the same request: "
    "Non-expression parameters: "
)


def detected(*constraints: str) -> str:
    noun = "error" if len(constraints) == 1 else "errors"
    return f"{len(constraints)} validation {noun} detected: {'; '.join(constraints)}"


def broken(value: str, at: str, rule: str) -> str:
    return f"Value {value} at '{at}' failed to satisfy constraint: Member must {rule}"


def put(**members: Any) -> tuple[str, dict[str, Any]]:
    return "PutItem", {**THINGS, "Item": KEY, **members}


def update(**members: Any) -> tuple[str, dict[str, Any]]:
    return "UpdateItem", {**THINGS, "Key": KEY, **members}


def expected(about: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return put(Expected={"a": about})


def query(**members: Any) -> tuple[str, dict[str, Any]]:
    return "Query", {**THINGS, **members}


def keyed(text: str, **members: Any) -> tuple[str, dict[str, Any]]:
    values = {":p": {"S": "k"}, ":n": {"N": "1"}}
    used = {name: value for name, value in values.items() if name in text}
    parameters = {"KeyConditionExpression": text, "ExpressionAttributeValues": used or None}
    return query(**{k: v for k, v in parameters.items() if v is not None}, **members)


def asked(operator: str, *values: dict[str, Any]) -> dict[str, Any]:
    return {"ComparisonOperator": operator, "AttributeValueList": list(values)}


SHAPES = [
    (
        ("PutItem", {}),
        detected(broken("null", "tableName", "not be null"), broken("null", "item", "not be null")),
    ),
    (
        put(TableName=""),
        detected(broken("''", "tableName", "have length greater than or equal to 1")),
    ),
    (
        put(TableName="a;"),
        detected(
            broken("'a;'", "tableName", "satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
            broken("'a;'", "tableName", "have length greater than or equal to 3"),
        ),
    ),
    (
        put(TableName="a" * 256),
        detected(broken(f"'{'a' * 256}'", "tableName", "have length less than or equal to 255")),
    ),
    (
        put(ReturnValues="hi", ReturnConsumedCapacity="hi"),
        detected(
            broken(
                "'hi'",
                "returnValues",
                "satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]",
            ),
            broken(
                "'hi'", "returnConsumedCapacity", "satisfy enum value set: [INDEXES, TOTAL, NONE]"
            ),
        ),
    ),
    (put(ReturnValues="ALL_NEW"), "ReturnValues can only be ALL_OLD or NONE"),
    (
        query(Limit=0),
        (
            "1 validation error detected: Value at 'Limit' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1"
        ),
    ),
    (
        query(Select="x"),
        detected(
            broken(
                "'x'",
                "select",
                "satisfy enum value set: "
                "[SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]",
            )
        ),
    ),
    (
        query(KeyConditions={"p": {}}),
        detected(broken("null", "keyConditions.p.member.comparisonOperator", "not be null")),
    ),
    (
        ("BatchGetItem", {"RequestItems": {}}),
        "The requestItems parameter is required for BatchGetItem",
    ),
    (
        ("BatchWriteItem", {"RequestItems": {}}),
        "The requestItems parameter is required for BatchWriteItem",
    ),
    (
        ("BatchGetItem", {"RequestItems": {"Things": {"Keys": [KEY] * 101}}}),
        (
            "1 validation error detected: Value at 'RequestItems.Things.member.Keys' failed to "
            "satisfy constraint: Member must have length less than or equal to 100"
        ),
    ),
    (
        ("TransactWriteItems", {"TransactItems": []}),
        detected(broken("'[]'", "transactItems", "have length greater than or equal to 1")),
    ),
    (
        ("TransactWriteItems", {"TransactItems": [{"Put": {}}]}),
        detected(
            broken("null", "transactItems.1.member.put.item", "not be null"),
            broken("null", "transactItems.1.member.put.tableName", "not be null"),
        ),
    ),
]

PARAMETERS = [
    (
        put(Expected={}, ConditionExpression="", ExpressionAttributeNames={}),
        BOTH + "{Expected} Expression parameters: {ConditionExpression}",
    ),
    (
        update(AttributeUpdates={}, Expected={}, ConditionExpression="", UpdateExpression=""),
        BOTH + "{AttributeUpdates, Expected} "
        "Expression parameters: {UpdateExpression, ConditionExpression}",
    ),
    (
        ("GetItem", {**THINGS, "Key": KEY, "AttributesToGet": ["a"], "ProjectionExpression": "a"}),
        BOTH + "{AttributesToGet} Expression parameters: {ProjectionExpression}",
    ),
    (
        keyed("p = :p", KeyConditions={}, QueryFilter={}),
        BOTH + "{QueryFilter, KeyConditions} Expression parameters: {KeyConditionExpression}",
    ),
    (
        put(ExpressionAttributeNames={}),
        "ExpressionAttributeNames can only be specified when using expressions",
    ),
    (
        put(ExpressionAttributeValues={}),
        (
            "ExpressionAttributeValues can only be specified when "
            "using expressions: ConditionExpression is null"
        ),
    ),
    (
        update(ExpressionAttributeValues={}),
        (
            "ExpressionAttributeValues can only be specified when "
            "using expressions: UpdateExpression and ConditionExpression are null"
        ),
    ),
    (
        put(ConditionExpression="", ExpressionAttributeNames={}),
        "ExpressionAttributeNames must not be empty",
    ),
    (
        put(ConditionExpression="", ExpressionAttributeValues={}),
        "ExpressionAttributeValues must not be empty",
    ),
    (
        put(ConditionExpression="", ExpressionAttributeNames={"a": "a"}),
        'ExpressionAttributeNames contains invalid key: Syntax error; key: "a"',
    ),
    (
        put(ConditionExpression="", ExpressionAttributeValues={":b": {}, "b": {"S": "a"}}),
        'ExpressionAttributeValues contains invalid key: Syntax error; key: "b"',
    ),
    (
        put(ConditionExpression="", ExpressionAttributeValues={":b": {"SS": []}}),
        (
            f"ExpressionAttributeValues contains invalid value: {INVALID}An string set  may "
            "not be empty for key :b"
        ),
    ),
    (put(ConditionExpression=""), "Invalid ConditionExpression: The expression can not be empty;"),
    (
        update(
            UpdateExpression="remove a",
            ConditionExpression="a = :b",
            ExpressionAttributeValues={":b": {"S": "a"}, ":c": {"S": "a"}},
        ),
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:c}",
    ),
    (
        query(),
        (
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in "
            "the request."
        ),
    ),
    (query(KeyConditions={}), "Conditions can be of length 1 or 2 only"),
    (
        query(KeyConditions={"p": asked("EQ")}),
        INVALID + "Invalid number of argument(s) for the EQ ComparisonOperator",
    ),
    (
        keyed("p = :p", Select="SPECIFIC_ATTRIBUTES"),
        (
            "Must specify the AttributesToGet or "
            "ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
        ),
    ),
    (
        keyed("p = :p", Select="ALL_ATTRIBUTES", ProjectionExpression="a"),
        "Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES",
    ),
    (
        keyed("p = :p", Select="ALL_PROJECTED_ATTRIBUTES"),
        "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
    ),
    (
        ("GetItem", {**NOWHERE, "Key": {}, "AttributesToGet": ["a", "a"]}),
        INVALID + "Duplicate value in attribute name: a",
    ),
    (
        ("Scan", {**THINGS, "Segment": 1}),
        (
            "The TotalSegments parameter is required but was not "
            "present in the request when Segment parameter is present"
        ),
    ),
    (
        put(ConditionalOperator="OR"),
        "ConditionalOperator cannot be used without Filter or Expected",
    ),
]

LEGACY = [
    (expected({}), "Value must be provided when Exists is null for Attribute: a"),
    (expected({"Exists": True}), "Value must be provided when Exists is true for Attribute: a"),
    (
        expected({"Exists": False, "Value": {"S": "a"}}),
        "Value cannot be used when Exists is false for Attribute: a",
    ),
    (
        expected({"ComparisonOperator": "LT"}),
        "Value or AttributeValueList must be used with ComparisonOperator: LT for Attribute: a",
    ),
    (
        expected({"Exists": True, "ComparisonOperator": "LT"}),
        "Exists and ComparisonOperator cannot be used together for Attribute: a",
    ),
    (
        expected({**asked("LT", {"S": "a"}), "Value": {"S": "a"}}),
        "Value and AttributeValueList cannot be used together for Attribute: a",
    ),
    (
        expected({"AttributeValueList": [{"S": "a"}]}),
        "AttributeValueList can only be used with a ComparisonOperator for Attribute: a",
    ),
    (
        expected(asked("NULL", {"S": "a"})),
        "Invalid number of argument(s) for the NULL ComparisonOperator",
    ),
    (
        expected(asked("BETWEEN", {"S": "a"})),
        "Invalid number of argument(s) for the BETWEEN ComparisonOperator",
    ),
    (
        expected(asked("IN", {"S": "a"}, {"N": "1"})),
        "AttributeValues inside AttributeValueList must be of same type",
    ),
    (
        expected(asked("CONTAINS", {"L": []})),
        "ComparisonOperator CONTAINS is not valid for L AttributeValue type",
    ),
    (
        update(AttributeUpdates={"a": {}}),
        "Only DELETE action is allowed when no attribute value is specified",
    ),
    (
        update(AttributeUpdates={"a": {"Action": "DELETE", "Value": {"S": "a"}}}),
        "DELETE action with value is not supported for the type S",
    ),
    (
        update(AttributeUpdates={"a": {"Action": "ADD", "Value": {"S": "a"}}}),
        "ADD action is not supported for the type S",
    ),
    (
        update(AttributeUpdates={"p": {"Value": {"S": "a"}}}),
        "Cannot update attribute p. This attribute is part of the key",
    ),
]

KEYS = [
    (put(Item={}), INVALID + "Missing the key p in the item"),
    (put(Item={"p": {"N": "1"}}), INVALID + "Type mismatch for key p expected: S actual: N"),
    (put(Item={"p": {"S": ""}}), EMPTY_KEY),
    (update(Key={"p": {"S": ""}}), EMPTY_KEY),
    (update(Key={**KEY, "q": {"S": "x"}}), UNFIT),
    (("GetItem", {**THINGS, "Key": {"p": {"N": "1"}}}), UNFIT),
    (("BatchWriteItem", {"RequestItems": {"Things": [{"PutRequest": {"Item": {}}}]}}), UNFIT),
    (
        (
            "BatchWriteItem",
            {
                "RequestItems": {
                    "Things": [{"PutRequest": {"Item": KEY}}, {"DeleteRequest": {"Key": KEY}}]
                }
            },
        ),
        "Provided list of item keys contains duplicates",
    ),
    (
        ("BatchGetItem", {"RequestItems": {"Nowhere": {"Keys": [KEY, KEY]}}}),
        "Provided list of item keys contains duplicates",
    ),
    (keyed("q = :p"), "Query condition missed key schema element: p"),
    (keyed("p > :p"), "Query key condition not supported"),
    (keyed("p = :n"), INVALID + "Condition parameter type does not match schema type"),
    (keyed("p = :p AND q = :p"), "Query key condition not supported"),
    (
        query(KeyConditions={"p": asked("NE", {"S": "k"})}),
        "Attempted conditional constraint is not an indexable operation",
    ),
    (keyed("p = :p OR p = :p"), "Invalid operator used in KeyConditionExpression: OR"),
    (keyed("p IN (:p)"), "Invalid operator used in KeyConditionExpression: IN"),
    (keyed("contains(p, :p)"), "Invalid operator used in KeyConditionExpression: contains"),
    (keyed("p = :p AND p = :p"), "KeyConditionExpressions must only contain one condition per key"),
    (keyed("p.a = :p"), "KeyConditionExpressions cannot have conditions on nested attributes"),
    (keyed(":p = :p"), "Invalid condition in KeyConditionExpression: No key attribute specified"),
    (
        keyed("p = q"),
        (
            "Invalid condition in KeyConditionExpression: Multiple attribute names used "
            "in one condition"
        ),
    ),
    (
        keyed("p = :p", FilterExpression="p = :p"),
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: p",
    ),
    (
        query(
            KeyConditions={"p": asked("EQ", {"S": "k"})}, QueryFilter={"p": asked("EQ", {"S": "k"})}
        ),
        "QueryFilter can only contain non-primary key attributes: Primary key attribute: p",
    ),
    (
        ("GetItem", {**THINGS, "Key": KEY, "ProjectionExpression": "p.a"}),
        (
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not "
            "allowed: Key: p"
        ),
    ),
]

# (fewer things looked at, the more there is wrong with it: the first of these is what is told)
ORDER = [
    (("PutItem", {**NOWHERE, "Item": {"a": {}}}), "ValidationException"),
    (("PutItem", {**NOWHERE, "Item": KEY, "ConditionExpression": "a ="}), "ValidationException"),
    (("UpdateItem", {**NOWHERE, "Key": {}, "UpdateExpression": "SET"}), "ValidationException"),
    (("PutItem", {**NOWHERE, "Item": {}}), "ResourceNotFoundException"),
    (("UpdateItem", {**NOWHERE, "Key": {}}), "ResourceNotFoundException"),
    (("GetItem", {**NOWHERE, "Key": {}}), "ResourceNotFoundException"),
    (
        (
            "Query",
            {
                **NOWHERE,
                "KeyConditionExpression": "a > :v",
                "ExpressionAttributeValues": {":v": {"S": "x"}},
            },
        ),
        "ResourceNotFoundException",
    ),
    (
        ("TransactWriteItems", {"TransactItems": [{"Put": {**NOWHERE, "Item": KEY}}] * 2}),
        "ResourceNotFoundException",
    ),
    (
        ("BatchWriteItem", {"RequestItems": {"Nowhere": [{"PutRequest": {"Item": KEY}}] * 2}}),
        "ResourceNotFoundException",
    ),
]

SYNTAX = [
    ("a-b", 'Syntax error; token: "-", near: "a-b"'),
    ("INVALID SYNTAX HERE", 'Syntax error; token: "SYNTAX", near: "INVALID SYNTAX HERE"'),
    ("foo(a) AND ((status = :v)) AND size(a)", "The expression has redundant parentheses;"),
    ("foo(a) AND status = :v AND size(a)", "Invalid function name; function: foo"),
    (
        "status = :v AND size(a)",
        "The function is not allowed to be used this way in an expression; function: size",
    ),
    ("status = :x", "Attribute name is a reserved keyword; reserved keyword: status"),
    (
        "contains(a, a) AND a = :x",
        (
            "The first operand must be distinct from the remaining operands "
            "for this operator or function; operator: contains, first operand: [a]"
        ),
    ),
    (
        "attribute_type(a, b)",
        (
            "Incorrect operand type for operator or function; operator or "
            "function: attribute_type, operand type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}"
        ),
    ),
    (
        "begins_with(size(a), :v)",
        (
            "Incorrect operand type for operator or function; operator or function: begins_with, "
            "operand type: N"
        ),
    ),
]

UPDATES = [
    ("INVALID SYNTAX HERE", 'Syntax error; token: "INVALID", near: "INVALID SYNTAX"'),
    ("SET _123 = a", 'Syntax error; token: "_", near: "SET _123"'),
    ("ADD hits : incr", 'Syntax error; token: ":", near: "hits : incr"'),
    ("set a = b + c + d", 'Syntax error; token: "+", near: "c + d"'),
    (
        "set a = list_append(list_append(b, c), d)",
        "The function is not allowed to be used this way in an expression; function: list_append",
    ),
    ("set a = #c set c = :d", 'The "SET" section can only be used once in an update expression;'),
    (
        "remove #d",
        "An expression attribute name used in the document path is not defined; attribute name: #d",
    ),
    (
        "set c.b.d = a, c = a",
        (
            "Two document paths overlap with each other; must remove or rewrite "
            "one of these paths; path one: [c, b, d], path two: [c]"
        ),
    ),
    (
        "remove a.c set a[1] = d",
        (
            "Two document paths conflict with each other; must remove or "
            "rewrite one of these paths; path one: [a, c], path two: [a, [1]]"
        ),
    ),
    (
        "set a = if_not_exists(b)",
        (
            "Incorrect number of operands for operator or function; operator "
            "or function: if_not_exists, number of operands: 1"
        ),
    ),
    ("remove a[99999999999]", "List index is not within the allowable range; index: [99999999999]"),
]
