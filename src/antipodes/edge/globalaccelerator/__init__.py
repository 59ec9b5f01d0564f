"""Global Accelerator: two static addresses, announced at every edge location.

Modelled: the whole API. Standard accelerators with IPv4 and IPv6, listeners of TCP and UDP,
endpoint groups with dials and port overrides, load balancers and elastic addresses as endpoints
with weights, client affinity, health, failover, fail-open, pinned flows; custom routing to subnets;
cross-account attachments; metrics; and routing state that reaches each edge location in its own
time. The control plane (`api`) lives in us-west-2; the data plane (`plane`, `traffic`) at the edge,
and carries on without it.

Not modelled: flow logs (refused by name), instances as endpoints (there are none), the announcing
of addresses of a customer's own (records only).

Sources: Global Accelerator Developer Guide and botocore's model. AWS publishes neither how long a
change takes to reach the edge nor how proximity is measured: here up to `propagation_s`, and round
trips over the backbone.
"""
