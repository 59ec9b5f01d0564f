"""DynamoDB: tables, items, expressions, and replicas in other regions (global tables).

Modelled: the item operations with their expressions, Query and Scan, batches, transactions inside
a region, table records, and global tables of version 2019.11.21 (asynchronous, last writer wins by
item), PartiQL statements, alone, in batches and in transactions, streams with an API of their own
(`dynamodbstreams`), and time to live. Refused by name: secondary indexes, the legacy parameters,
backups, exports.

Known differences of PartiQL: the limits of expressions (4 KB, 300 operators) hold for a statement's
condition; what one OR or IN makes several reads is answered in pages of ten items, read in the
order of the statement; of what cannot be read, the details after "can't be processed:" are AWS's
only where they are known.

Numbers and wording come from the Developer Guide ("Constraints", "Capacity unit consumption",
"Expressions") and from botocore's model.
"""
