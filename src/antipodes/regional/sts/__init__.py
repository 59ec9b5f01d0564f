"""STS: who calls, and temporary credentials that carry an account.

Modelled: GetCallerIdentity, AssumeRole (into any account, so that one program can act in several)
and GetSessionToken. A temporary access key carries its account and its session token the caller's
ARN (service/accounts.py), so every host knows both without asking and nothing is stored.

Not modelled: whether a role exists or trusts the caller (nothing is enforced), session policies and
tags (accepted: there is nothing for them to narrow), MFA, federation, and the end of a session,
which is told but not enforced. A key that no AssumeRole made acts as the root of its account.

Durations and patterns: botocore's model of 2011-06-15; the shape of ids: the IAM user guide,
reference_identifiers.
"""
