"""DynamoDB: tables, items, expressions, and replicas in other regions (global tables).

Modelled: the item operations with their expressions, Query and Scan, batches, transactions inside
a region, table records, and global tables of version 2019.11.21 (asynchronous, last writer wins by
item), PartiQL statements, alone, in batches and in transactions, streams with an API of their own
(`dynamodbstreams`), and time to live; local and global secondary indexes, with all projections,
made with the table or later. Refused by name: index keys of several HASH or RANGE attributes,
on-demand and warm throughput of an index, exports.

Known differences of indexes: a global index follows its table in the very write, so reading it is
never stale (AWS's follow within about a second); items of one index key come in the order of the
table's key, hashed; ItemCount and sizes are as of now, not of some hours ago; a page ends with the
item that brings it to 1 MB; in a transaction a global index costs the plain price, a local one
twice it, and the error for more than 100 projected attributes is worded here.

Known differences of PartiQL: the limits of expressions (4 KB, 300 operators) hold for a statement's
condition; what one OR or IN makes several reads is answered in pages of ten items, read in the
order of the statement; of what cannot be read, the details after "can't be processed:" are AWS's
only where they are known.

Numbers and wording come from the Developer Guide ("Constraints", "Capacity unit consumption",
"Expressions") and from botocore's model.
"""
