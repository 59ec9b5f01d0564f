"""Route 53 Resolver: DNS inside a region's networks.

Modelled: the resolver at every VPC's .2 address (and 169.254.169.253), which follows rules, private
hosted zones and the public DNS of the world; inbound endpoints that let others ask it, outbound
endpoints that forward to others; forwarding and system rules, the longest match and what beats
what; rules' associations with VPCs; query logging configurations as records; AutodefinedReverse;
tags. An outbound endpoint in one region that forwards to an inbound endpoint in another goes over
the backbone between them.

A region hears of private zones from Route 53's home from the first question on, and then answers by
itself, also when it is cut off from everything else.

Not modelled: DNS Firewall, DNSSEC validation, Outposts, profiles, DNS over HTTPS, IPv6 endpoints,
sharing by RAM, delegation rules, the query logs themselves: refused by name. The default VPCs of
all regions have the same addresses, so endpoints in them are given addresses that no other region
gives, as if these networks did not overlap; an address that you choose yourself outside of your
region's part can be asked from inside the region only. Endpoints in other VPCs can be asked from
inside the region and from VPCs in others that are joined with theirs by peering.

Sources: the Route 53 developer guide (resolver-overview-DSN-queries-to-vpc,
resolver-forwarding-outbound-queries, DNSLimitations), botocore's model of 2018-04-01; messages with
codes as they were quoted in public.
"""
