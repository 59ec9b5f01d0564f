"""What a host's process is told at its start, as one JSON document."""

from typing import Any

import msgspec

from antipodes.service.contract import Settings
from antipodes.service.planes import CLUSTER_REGIONS
from antipodes.world.atlas import Site, load_atlas
from antipodes.world.world import World

# Control planes of "global" services live in one region, whether or not the world names it.
HOMES = ("us-east-1", "us-west-2")
# The same is true of recovery clusters' endpoints: there once the first cluster is made.
ON_DEMAND = tuple(dict.fromkeys((*HOMES, *CLUSTER_REGIONS)))


class Configuration(msgspec.Struct, frozen=True):
    """The world as a process sees it at its start."""

    place: str
    regions: tuple[str, ...]
    run_directory: str
    state_directory: str
    seed: int = 0
    speed: float = 1.0
    account: str = "000000000000"
    durability: str = "process"
    verify_signatures: bool = False
    propagation_s: float = 60.0
    replication_delay: str = "link"
    control_plane_delay_s: float = 0.0
    throttling: bool = False
    strong_region_sets: bool = False
    network_enforce: bool = False
    ttl_delay_s: float = 0.0
    control_only: bool = False
    access: dict[str, str] = {}
    sites: tuple[Site, ...] = ()
    # How the resolvers of cities behave, by city, and as "default" of the others; fabric/dns/cache
    # has the words. Only who stands in cities reads it: the supervisor, and a drill.
    resolvers: dict[str, str] = {}
    faults: list[list[Any]] = []
    extra: dict[str, Any] = {}

    def settings(self) -> Settings:
        """The part that services read."""
        return Settings(
            account=self.account,
            speed=self.speed,
            seed=self.seed,
            durability=self.durability,
            verify_signatures=self.verify_signatures,
            propagation_s=self.propagation_s,
            replication_delay=self.replication_delay,
            control_plane_delay_s=self.control_plane_delay_s,
            throttling=self.throttling,
            strong_region_sets=self.strong_region_sets,
            network_enforce=self.network_enforce,
            ttl_delay_s=self.ttl_delay_s,
            regions=self.regions,
            extra={**self.extra, "homes": HOMES},
        )

    def world(self) -> World:
        """This process's copy of the world, without faults."""
        return World(
            load_atlas(), self.regions, seed=self.seed, sites=self.sites, access=self.access
        )
