"""DynamoDB: tables, items, expressions, and replicas in other regions (global tables).

Modelled: the item operations with their expressions, Query and Scan, batches, transactions inside
a region, table records, and global tables of version 2019.11.21 (asynchronous, last writer wins by
item), PartiQL statements, alone, in batches and in transactions, streams with an API of their own
(`dynamodbstreams`), and time to live. Refused by name: secondary indexes, the legacy parameters,
backups, exports.

Numbers and wording come from the Developer Guide ("Constraints", "Capacity unit consumption",
"Expressions") and from botocore's model.
"""
