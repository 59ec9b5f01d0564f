"""The switchboard in the data centre: takes calls, and writes them down in the cloud's table.

An ordinary web application (WSGI). `python switchboard.py 127.0.0.1:9701` serves it, with as many
threads as there are callers. Where its AWS is, is up to the environment.
"""

import json
from urllib.parse import parse_qs

import boto3

NAME = "CallCentre"
REGION = "eu-west-2"
HERE = "data-centre"
table = boto3.client("dynamodb", region_name=REGION)


def application(environ, start_response):
    """Answer one request."""
    action, _, call = environ["PATH_INFO"].lstrip("/").partition("/")
    if action == "health":
        return say(start_response, "200 OK", {"status": "well"})
    if action != "calls" or not call:
        return say(start_response, "404 Not Found", {"error": "no such path"})
    key = {"call": {"S": call}}
    if environ["REQUEST_METHOD"] == "PUT":
        value = parse_qs(environ["QUERY_STRING"]).get("value", [""])[0]
        table.put_item(TableName=NAME, Item={**key, "value": {"S": value}})
        return say(start_response, "200 OK", {"call": call, "value": value})
    found = table.get_item(TableName=NAME, Key=key, ConsistentRead=True)
    if "Item" not in found:
        return say(start_response, "404 Not Found", {"error": "not found"})
    return say(start_response, "200 OK", {"call": call, "value": found["Item"]["value"]["S"]})


def say(start_response, status, document):
    """Answer with a JSON document."""
    body = json.dumps(document).encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("X-Served-By", HERE),
    ]
    start_response(status, headers)
    return [body]


if __name__ == "__main__":
    import sys
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

    class Server(ThreadingMixIn, WSGIServer):
        """One thread for each connection."""

        daemon_threads = True
        request_queue_size = 128

    class Quiet(WSGIRequestHandler):
        """No line for each request."""

        def log_request(self, code="-", size="-"):
            """Say nothing."""

    host, _, port = sys.argv[1].rpartition(":")
    make_server(host, int(port), application, Server, Quiet).serve_forever()
