"""DynamoDB: tables, items, expressions, and replicas in other regions (global tables).

Modelled: the item operations with their expressions, Query and Scan, batches, transactions inside
a region, table records, and global tables of version 2019.11.21 (asynchronous, last writer wins by
item), and PartiQL statements, alone, in batches and in transactions. Refused by name: secondary
indexes, the legacy parameters, streams as an API, backups, exports, time to live.

Numbers and wording come from the Developer Guide ("Constraints", "Capacity unit consumption",
"Expressions") and from botocore's model.
"""
