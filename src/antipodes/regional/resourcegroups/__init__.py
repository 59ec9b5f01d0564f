"""Resource Groups: names for what has certain tags.

Modelled: groups by tags (`TAG_FILTERS_1_0`), over what EC2 has in the region; their members are
worked out when they are asked for, and what has no tag at all is in none. Groups have a description
and tags of their own.

Left out, and refused by name: groups of a stack of CloudFormation's, groups with a configuration,
and with them application groups and members that are put in by hand; synchronising tags.

Sources: Resource Groups user guide, "Build queries and groups"; API reference 2017-11-27,
botocore's model.
"""
