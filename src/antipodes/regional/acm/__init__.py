"""AWS Certificate Manager in one region: certificates for load balancers.

Public certificates are issued by an authority of the region's own, when the domain was proved: the
region asks Route 53 for the record, over the network, as anybody would. No machine trusts that
authority by itself; GetCertificate returns it as the chain.

Left out, and refused by name: private authorities, export, revocation, search. By EMAIL nothing is
ever proved, since nobody gets mail here.
"""
