"""EC2: regions, zones, and private networks with all that stands in them.

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

What is kept is told in the words of `fabric.network` (`topology`), which says where packets go;
Reachability Analyzer (`insights`), Network Access Analyzer (`scopes`) and `antipodes network` ask
it.

Not modelled: everything else of EC2, refused by name. The traffic of the services that run here
does not pass through these networks, and their security groups do not hold it back.

Rules, quotas and filters: the VPC user guide (default VPCs, VPC and subnet CIDR blocks, quotas) and
botocore's model of 2016-11-15.
"""
