"""The names that AWS gives to addresses in a network.

Source: Amazon VPC User Guide, "DNS attributes in your VPC".
"""

_FIRST_REGION = "us-east-1"  # whose names are older than the others' form


def private_name(region: str, address: str) -> str:
    """The name of a private address."""
    domain = "ec2.internal" if region == _FIRST_REGION else f"{region}.compute.internal"
    return f"ip-{address.replace('.', '-')}.{domain}"


def public_name(region: str, address: str) -> str:
    """The name of a public address."""
    domain = "compute-1" if region == _FIRST_REGION else f"{region}.compute"
    return f"ec2-{address.replace('.', '-')}.{domain}.amazonaws.com"
