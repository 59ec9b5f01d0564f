"""AWS Network Firewall: firewalls with endpoints in subnets, policies and rule groups.

Modelled: firewalls in a VPC with an endpoint in one subnet of each of some zones, policies with
stateless and stateful rule groups, both rule orders, stream exception policies, HOME_NET; stateless
rules; stateful rules by the header alone, as 5-tuples or as Suricata's text; capacities, tags,
update tokens and protections. Rules are compiled for the network model (`compiling.py`), which
walks packets by them; no packet is filtered here.

Not modelled, refused by name: domain lists, keywords of Suricata that look further than the header,
custom actions, TCP flags, default actions for applications, managed rule groups, TLS inspection,
logging, firewalls of transit gateways, IPv6 endpoints, endpoint associations. What a policy does
with fragments is kept: packets that are walked are whole.

Sources: Network Firewall Developer Guide, "Stateless and stateful rules engines", "Managing
evaluation order for Suricata compatible rules", "Stream exception policy", "Setting rule group
capacity", "Quotas"; botocore's model of 2020-11-12.
"""
