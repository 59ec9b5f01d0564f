"""CloudWatch Logs: groups, streams and events, as functions write them and people read them.

Modelled: log groups with retention, streams, events put, read and filtered by terms. Not modelled:
subscriptions, metric filters, Insights, JSON and regular-expression patterns, encryption, log
classes, deletion protection; each is refused by name. At most EVENTS_MAX events are kept of a
stream, the newest; AWS keeps all within the retention.

Facts: the API reference of CloudWatch Logs and botocore's model of 2014-03-28.
"""
