"""EC2, as much as placing things needs: regions, zones, VPCs, subnets and elastic addresses.

Modelled: DescribeRegions and DescribeAvailabilityZones from the world's atlas; VPCs and subnets of
IPv4, made, changed and deleted; tags of whatever has an id. An account finds a default VPC
172.31.0.0/16 in each region, with a /20 subnet in each zone and the default security group; the ids
follow from account and region, so they are the same in every run.

Interfaces have private addresses, and elastic ones or such as are lent. Instances are places with
interfaces: no machine is started, and they say so. Elastic addresses can be had (five for each
account, as in AWS): what answers at one is whatever listens there. Load balancers, accelerators,
NAT gateways and interfaces take them.

VPCs are peered, in a region and across regions, each with its own copy of the connection; gateway
endpoints are routes to a service's addresses, interface endpoints are interfaces with names.

Not modelled: everything else of EC2, refused by name; packets do not pass through these networks
yet, and security groups hold nobody back.

Rules, quotas and filters: the VPC user guide (default VPCs, VPC and subnet CIDR blocks, quotas) and
botocore's model of 2016-11-15.
"""
