"""IAM: roles and policies as records, kept in us-east-1 for the whole account.

Modelled: roles with their trust policy, attached and inline policies; customer-managed policies
with their one version; ids, ARNs, paging, and the refusals that keep records consistent.
AWS-managed policies (`arn:aws:iam::aws:policy/...`) can be attached by name, but not read: they are
AWS's texts.

Not modelled: **nothing is enforced**. Policies are checked for their form and kept; no call is
ever denied because of one. Users, groups, instance profiles, policy versions beyond `v1`, and
access reports are refused by name.

Quotas and messages: the IAM user guide (reference_iam-quotas) and botocore's model of 2010-05-08.
"""
