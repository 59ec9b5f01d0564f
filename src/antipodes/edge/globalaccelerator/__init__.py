"""Global Accelerator: two static addresses, announced at every edge location.

Modelled: standard accelerators with IPv4, TCP listeners, endpoint groups with dials, load balancers
as endpoints with weights, client affinity, health, failover, fail-open, pinned flows, and routing
state that reaches each edge location in its own time. The control plane (`api`) lives in us-west-2;
the data plane (`plane`) at the edge, and carries on without it.

Not modelled, and refused by name: custom routing, dual-stack, UDP, BYOIP, port overrides, flow
logs, endpoints other than application load balancers.

Sources: Global Accelerator Developer Guide and botocore's model. AWS publishes neither how long a
change takes to reach the edge nor how proximity is measured: here up to `propagation_s`, and round
trips over the backbone.
"""
