"""AWS Resource Access Manager in one region: what accounts let each other use.

A resource share names resources of its owner, and accounts. Each account is invited, and may use
the resources once it has accepted; the services that have them go by `service.sharing`.

There are no organizations here, so every account is outside of its owner's: what AWS shares within
an organization only, such as subnets, is shared by invitation as well.

Left out, and refused by name: sharing with an organization, with roles, users and services; managed
permissions of one's own, and policies.

Rules and quotas: AWS RAM User Guide; botocore's model of 2018-01-04.
"""
