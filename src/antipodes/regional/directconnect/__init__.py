"""Direct Connect: private lines from customers' sites to gateways in all regions.

Modelled: connections at locations, private and transit virtual interfaces of IPv4, Direct Connect
gateways, which every region knows, and their associations with VPN gateways and transit gateways,
with allowed prefixes. A connection works as soon as it is there. What a site announces is said by
tags of its virtual interface or connection, since no call of the API has a word for it.

Left out, and refused by name: public virtual interfaces, hosted connections and what others accept,
proposals across accounts, link aggregation, MACsec, SiteLink, IPv6, failover tests, letters of
authority.

Sources: Direct Connect User Guide, "Virtual interfaces", "Direct Connect gateways", "Allowed
prefixes", "Quotas"; API reference 2012-10-25, botocore's model.
"""
