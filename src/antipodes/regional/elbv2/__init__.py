"""Elastic Load Balancing v2: application load balancers, from rules to targets that are probed.

Modelled: load balancers of type application with an address in each zone, HTTP listeners, rules
(path, host, header, method, query string, source address) with forward, fixed-response and redirect
actions, weighted forwards, target groups of types lambda and ip, health checks that really probe,
fail-open, draining, Lambda events and responses in both header forms, generated error pages, trace
headers, tags and attributes. `balancer.py` is the data plane; `health.py` probes; `doors.py`
answers what other places ask (names, health).

Not modelled, refused by name: network and gateway load balancers, HTTPS and certificates, targets
of types instance and alb, stickiness, authentication, rewrites, regular expressions in conditions,
slow start, other algorithms, internal load balancers. Security groups are recorded, and hold nobody
back. One prober stands for the nodes of all zones. Permission to invoke a function is checked when
it is registered, not at each call. An extension: ip targets in 127.0.0.0/8 are on the user's own
machine; private addresses lead nowhere yet and are refused.

Facts and numbers: the Application Load Balancer user guide (load-balancer-listeners,
target-group-health-checks, lambda-functions, load-balancer-troubleshooting, load-balancer-limits)
and botocore's model of 2015-12-01. Where the guide and the model differ, the guide is followed: it
gives lambda groups an unhealthy threshold of 2 and HTTP checks a timeout of 5 s.
"""
