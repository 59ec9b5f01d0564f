"""Elastic Load Balancing v2: application, network and gateway load balancers, probed targets.

Modelled: load balancers of type application with an address in each zone, HTTP and HTTPS listeners
with certificates of Certificate Manager, rules (path, host, header, method, query string, source
address; by wildcards or regular expressions) with forward, fixed-response and redirect actions,
transforms, weighted forwards, target groups of types lambda, ip and instance, health checks that
really probe, fail-open, draining, Lambda events and responses in both header forms, generated error
pages, trace headers, tags and attributes. Load balancers of type network with a node and an address
in each zone, TCP, UDP, both and TLS, targets by ip, instance and application load balancer, flows
that stay with their target, cross-zone load balancing, client addresses, proxy protocol,
stickiness, TLS on either side. Load balancers of type gateway, whose data plane is the network
model.

`balancer.py` and `nlb.py` are the data planes; `health.py` probes; `targets.py` says where a target
stands; `names.py` tells what names mean; `gateways.py` which appliances take flows; `doors.py`
answers what other places ask; `regexes.py` matches; `metrics.py` tells CloudWatch.

Not modelled, refused by name: QUIC, authentication, anomaly mitigation, IPv6, and rules of network
load balancers (which have to be dual-stack). Security groups are
recorded, and hold nobody back. One prober, which stands in no zone, stands for the nodes of all
zones. Permission to invoke a function is checked when it is registered, not at each call. An
extension: ip targets in 127.0.0.0/8 are on the user's own machine.

Facts and numbers: the Application Load Balancer user guide (load-balancer-listeners,
target-group-health-checks, lambda-functions, load-balancer-troubleshooting, load-balancer-limits),
the Network Load Balancer user guide (network-load-balancers, load-balancer-listeners,
load-balancer-target-groups, target-group-health-checks, edit-target-group-attributes, as of 2026)
and botocore's model of 2015-12-01. Where the guide and the model differ, the guide is followed: it
gives lambda groups an unhealthy threshold of 2 and HTTP checks a timeout of 5 s.
"""
