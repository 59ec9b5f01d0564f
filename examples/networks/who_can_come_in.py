"""Who can come in, and by what.

A walk follows one packet that somebody thought of. A network access scope asks for all of them: of
all the packets that there could be, which come from the internet to anything here, and by which
rules? What is expected is excluded, and what is left is a surprise.

A shop has a public web server, a bastion for its engineers and a database. Amazon's own scope,
`AWS-IGW-Ingress`, is there in every account and finds every way in from the internet. The shop
writes down what it means in a scope of its own: from the internet to anything but the web server's
port 443, and to bastions (whatever has the tag `role: bastion`, as a resource group) but by SSH
from the office. That scope finds nothing, and is asked again after every change.

A scope is a wish, not a wall: it holds nobody back. And beware of its lists: any path to match is
enough, so a source and a destination that belong together are said in one path.
"""

import json
from ipaddress import ip_address, ip_network

import lab as laboratory
import parts

REGIONS = ("us-west-2",)
OFFICE, ENGINEER = "203.0.113.0/24", ip_address("203.0.113.9")
INTERNET = {"ResourceStatement": {"ResourceTypes": ["AWS::EC2::InternetGateway"]}}


def play(lab):
    ec2 = lab.client("ec2")
    vpc, group_of = build(ec2)
    bastions = bastion_group(lab)
    web, bastion = public(ec2, "web"), public(ec2, "bastion")
    lab.ask("The internet reaches the web server", "internet", web, back="left")
    lab.ask("The office reaches the bastion", str(ENGINEER), bastion, port=22, back="left")
    lab.check(
        "Amazon's scope finds the ways in from the internet",
        findings(ec2, amazons(ec2, "AWS-IGW-Ingress")),
        [("bastion", 22, OFFICE), ("web", 443, "anywhere")],
    )
    lab.draw("The shop, and who comes in", "internet", web)
    lab.say("""
        The shop's own scope excludes both. Of bastions it is the resource group that counts, so one
        that is built next year is looked after as well.
    """)
    to_web = end(Resources=[group_of["web"]], DestinationPorts=["443"])
    to_bastions = {
        "Source": {"PacketHeaderStatement": {"SourceAddresses": [OFFICE]}},
        "Destination": end(Resources=[bastions], DestinationPorts=["22"]),
    }
    scope = ec2.create_network_insights_access_scope(
        MatchPaths=[{"Source": INTERNET, "Destination": end(Resources=[vpc])}],
        ExcludePaths=[{"Destination": to_web}, to_bastions],
        TagSpecifications=parts.tagged("network-insights-access-scope", "no surprises"),
    )["NetworkInsightsAccessScope"]["NetworkInsightsAccessScopeId"]
    lab.check("It finds nothing else", findings(ec2, scope), [])

    lab.say("""
        Somebody works from home for a day, and lets SSH in from everywhere. Every packet that was
        tried before goes where it went; what has changed is who else may come. The scope finds
        everybody but the office, which is excluded.
    """)
    opened = allow(ec2, group_of["bastion"], 22, "0.0.0.0/0")
    lab.ask("A stranger reaches the bastion", "internet", bastion, port=22, back="left")
    lab.check(
        "The scope finds it",
        findings(ec2, scope),
        [("bastion", 22, "anywhere but the office")],
    )
    ec2.revoke_security_group_ingress(GroupId=group_of["bastion"], SecurityGroupRuleIds=[opened])
    lab.check("The rule is taken away, and nothing is left", findings(ec2, scope), [])

    lab.say("""
        The database has no public address, and is found by no scope of the internet. Who comes to
        it from inside is another question.
    """)
    lab.check(
        "Who reaches the database",
        findings(ec2, made(ec2, Destination=end(Resources=[group_of["data"]]))),
        [("data", 5432, "10.0.0.10/32")],
    )


def build(ec2):
    """The shop: its VPC, and the groups of its machines by their names."""
    vpc = parts.vpc(ec2, "shop", "10.0.0.0/16")
    front = parts.subnet(ec2, "front", vpc, "10.0.0.0/24")
    back = parts.subnet(ec2, "back", vpc, "10.0.1.0/24")
    ec2.modify_subnet_attribute(SubnetId=front, MapPublicIpOnLaunch={"Value": True})
    gateway = parts.internet_gateway(ec2, "gateway", vpc)
    parts.route(ec2, parts.table(ec2, "front", vpc, front), "0.0.0.0/0", GatewayId=gateway)
    wanted = {
        "web": (front, "0.0.0.0/0", 443),
        "bastion": (front, OFFICE, 22),
        "data": (back, "10.0.0.10/32", 5432),
    }
    groups = {}
    for name, (subnet, prefix, port) in wanted.items():
        groups[name] = parts.group(ec2, name, vpc, prefix, protocol="tcp", port=port)
        address = "10.0.0.10" if name == "web" else None
        machine = parts.instance(ec2, name, subnet, groups[name], address=address)
        ec2.create_tags(Resources=[machine], Tags=[{"Key": "role", "Value": name}])
    return vpc, groups


def bastion_group(lab):
    """The resource group of all instances that are bastions, by its ARN."""
    query = {
        "ResourceTypeFilters": ["AWS::EC2::Instance"],
        "TagFilters": [{"Key": "role", "Values": ["bastion"]}],
    }
    found = lab.client("resource-groups").create_group(
        Name="bastions", ResourceQuery={"Type": "TAG_FILTERS_1_0", "Query": json.dumps(query)}
    )
    return found["Group"]["GroupArn"]


def public(ec2, name):
    """The public address of a machine."""
    filters = [{"Name": "tag:Name", "Values": [name]}]
    [found] = ec2.describe_instances(Filters=filters)["Reservations"]
    return found["Instances"][0]["PublicIpAddress"]


def allow(ec2, group, port, prefix):
    """Let somebody in; the rule's id."""
    permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
    permission["IpRanges"] = [{"CidrIp": prefix}]
    found = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    return found["SecurityGroupRules"][0]["SecurityGroupRuleId"]


def end(*, Resources, **header):  # noqa: N803 - as AWS calls it
    """A source or a destination."""
    found = {"ResourceStatement": {"Resources": Resources}}
    return found | ({"PacketHeaderStatement": header} if header else {})


def amazons(ec2, name):
    """One of the scopes that Amazon has made."""
    scopes = ec2.describe_network_insights_access_scopes()["NetworkInsightsAccessScopes"]
    return next(
        one["NetworkInsightsAccessScopeId"]
        for one in scopes
        if {"Key": "Name", "Value": name} in one["Tags"]
    )


def made(ec2, **path):
    """A scope of one path."""
    found = ec2.create_network_insights_access_scope(MatchPaths=[path])
    return found["NetworkInsightsAccessScope"]["NetworkInsightsAccessScopeId"]


def findings(ec2, scope):
    """What a scope finds now: to whom, by which ports, and from whom."""
    analysis = ec2.start_network_insights_access_scope_analysis(NetworkInsightsAccessScopeId=scope)
    name = analysis["NetworkInsightsAccessScopeAnalysis"]["NetworkInsightsAccessScopeAnalysisId"]
    found = ec2.get_network_insights_access_scope_analysis_findings(
        NetworkInsightsAccessScopeAnalysisId=name
    )["AnalysisFindings"]
    return sorted(map(told, (one["FindingComponents"] for one in found)))


def told(components):
    """A finding, in short: whose group lets it in, to which port, and from where."""
    first, group = components[0], components[-2]["Component"]["Name"]
    header = first.get("InboundHeader") or first["OutboundHeader"]
    [ports] = header["DestinationPortRanges"]
    sources = header["SourceAddresses"]
    where = sources[0]
    if len(sources) > 1:
        office = any(ENGINEER in ip_network(one) for one in sources)
        where = "anywhere" if office else "anywhere but the office"
    return group, ports["From"], where


if __name__ == "__main__":
    laboratory.main(REGIONS, play)
