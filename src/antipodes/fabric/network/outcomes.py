"""How a packet's way may end: a closed set."""

DELIVERED = "delivered"  # to whom it was addressed
LEFT = "left"  # to the internet
NO_ROUTE = "no route"
BLACKHOLE = "blackhole"  # a route whose target is no more
REFUSED_BY_FILTER = "refused by filter"
REFUSED_BY_GROUPS = "refused by groups"
SOURCE_CHECK = "source check"  # an interface may not send what is not from its addresses
TARGET_CHECK = "destination check"  # nor take what is not for them
NO_SUBNET = "no such subnet"
NO_ADDRESS = "no such address"
NOT_FORWARDED = "not forwarded"  # a host took what is for somebody else
NO_PUBLIC_ADDRESS = "no public address"
REDIRECTED = "redirected"  # what comes in past an appliance goes out past it as well
PRIVATE_ADDRESS = "private address"  # at a gateway to the internet
NOT_TRANSLATED = "not translated"  # a translator takes answers only
NOT_AN_ANSWER = "not an answer"  # nor does a gateway that only lets out take anything else
NOT_JOINED = "not joined"  # a peering that is not active
NOT_IN_PEER = "not in the peer"  # a peering leads no further than its two networks
NOT_IN_ZONE = "not attached in the zone"  # a hub has no interface in the packet's zone
NOT_ATTACHED = "not attached"  # a network to a hub, or an attachment that is not available
NOT_ASSOCIATED = "not associated"  # an attachment with no table of its hub
REFUSED_BY_FIREWALL = "refused by firewall"
NO_APPLIANCE = "no appliance"  # that a packet could be handed to
NOT_CONNECTED = "not connected"  # no line that is up
NOT_OFFERED = "not offered"  # a service by this protocol
NO_TARGET = "no target"  # a relay has nobody to send this on to
NOT_RUNNING = "not running"  # nothing stands behind the interface now
UNKNOWN = "unknown"  # beyond what is known: a peer, in a region that is down
LOOP = "loop"

OUTCOMES = (
    DELIVERED,
    LEFT,
    NO_ROUTE,
    BLACKHOLE,
    REFUSED_BY_FILTER,
    REFUSED_BY_GROUPS,
    SOURCE_CHECK,
    TARGET_CHECK,
    NO_SUBNET,
    NO_ADDRESS,
    NOT_FORWARDED,
    NO_PUBLIC_ADDRESS,
    REDIRECTED,
    PRIVATE_ADDRESS,
    NOT_TRANSLATED,
    NOT_AN_ANSWER,
    NOT_JOINED,
    NOT_IN_PEER,
    NOT_IN_ZONE,
    NOT_ATTACHED,
    NOT_ASSOCIATED,
    REFUSED_BY_FIREWALL,
    NO_APPLIANCE,
    NOT_CONNECTED,
    NOT_OFFERED,
    NO_TARGET,
    NOT_RUNNING,
    UNKNOWN,
    LOOP,
)
