"""Zonal shift: a load balancer is kept out of one zone for a time.

Modelled: starting, changing, canceling, expiring and listing zonal shifts of load balancers that
have opted in (`zonal_shift.config.enabled`), managed resources with their weights, and the status
of autoshift notifications. What a shift does to traffic is the balancer's business, see
`service.zonalshifts`: it needs neither this API nor anybody else's.

Left out, and refused by name: practice runs, and with them zonal autoshift, which needs them;
Auto Scaling groups and EKS clusters.

Sources: Application Recovery Controller developer guide (zonal shift: how it works, resource types,
examples of the command line), API reference 2022-10-30, botocore's model.
"""
