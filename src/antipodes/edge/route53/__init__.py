"""Route 53: zones and health checks, edited in us-east-1 and in force at every edge location.

The control plane (`api` and the files around it) lives in us-east-1: it checks every change whole,
keeps it and tells it to the edge through the region's change log. What answers DNS and probes
endpoints is at the edge, acts on what it last heard, and carries on without the control plane.

Not modelled, and refused by name: DNSSEC signing, accelerated recovery, domains (another service).

Sources: Route 53 Developer Guide, API Reference and botocore's model; messages of errors as seen in
public logs. AWS publishes neither how long a change takes (usually under a minute) nor how latency
is measured: here up to `propagation_s`, and the world's round trips.
"""
