"""DynamoDB: tables, items, expressions, indexes, backups, and replicas in other regions.

Modelled: all operations but those that need S3, Kinesis or vectors; the expression grammar and the
parameters of the time before it; PartiQL; secondary indexes; transactions inside a region; time to
live; streams with an API of their own (`dynamodbstreams`); backups and point-in-time recovery;
global tables of both versions, and strongly consistent ones; capacity that can be short, where a
world is set so. Policies, encryption and insights are records.

What is not offered and what is otherwise than in AWS is in differences.py and refusals.py, and on
the page that is made from them, docs/services/dynamodb.md.

Numbers and wording come from the Developer Guide ("Constraints", "Capacity unit consumption",
"Expressions"), from botocore's model, and from what was seen of the service (ack-api-quirks).
"""
