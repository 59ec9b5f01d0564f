"""Byte formats, without I/O: HTTP messages to and from the shapes of botocore's service models.

`models.service(name)` is a service's model; `protocols` finds out which operation a request names,
reads its input and writes its output or error; `validation` holds an input against the model's
constraints. Requests and responses are the dictionaries that boto3 takes and gives: blobs are
bytes, timestamps Unix seconds.
"""
