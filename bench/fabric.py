"""Private networks: walks of packets, and who is reached by the internet, beside an SMT solver.

The networks are those of support/networks.py: ten hosts each, hubs, peerings, translators, groups,
filters, appliances; walks go through a thousand of them. A walk is a packet's whole way and its
answer's. `walks_first` are the first ones ever, of which each compiles most of the points that it
passes. `walks_cold` are packets that nobody has asked after before, between ends that were: points
are compiled, answers are not known. `walks_cached` asks for the same packets again.

`access_analysis_N` is who of N interfaces is reached by the internet, from a topology of which
nothing is compiled: all packets there are, followed as exact sets. The peer, bitwuzla, is asked the
same of the same topology, interface by interface (support/smt.py), and both must name the same
interfaces; but while ours says of every packet where it ends and by which rules, the peer says of
every interface only whether there is a packet. `access_findings_N` is the same question as Network
Access Analyzer has it: every way from every gateway to every interface, with its packets. It must
name the same interfaces too. `memory_N` is the peak of resident memory of `access_analysis_N`.

Times are of the processor, since nothing here waits. Every sample is a process of its own.
"""

import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).parent))

from support import networks, peers
from support.harness import Comparison, parsing

from antipodes.fabric.network.accessing import Condition, found
from antipodes.fabric.network.fabric import ON_THE_INTERNET, Fabric
from antipodes.fabric.network.outcomes import DELIVERED
from antipodes.fabric.network.reaching import reach
from antipodes.fabric.network.spaces import everything
from antipodes.fabric.network.starting import at_gateway
from antipodes.fabric.network.topology import Topology

US, PEER = "antipodes", "bitwuzla"
NETWORKS = 1000
WALKS, FIRST_WALKS = 4000, 2000
SIZES = (100, 1_000, 10_000)
ROUNDS = 5
AIMS = {"walks_cold": 10_000.0, "walks_cached": 100_000.0, "access_analysis_10000": 10.0}


def walks(rounds: str) -> dict[str, list[float]]:
    """Walks a second."""
    rates: dict[str, list[float]] = {"walks_first": [], "walks_cold": [], "walks_cached": []}
    topology = networks.network(NETWORKS)
    asked = networks.packets(WALKS, NETWORKS, seed=7)
    fabric = Fabric(topology)

    def rate(packets: list[Any]) -> float:
        gc.collect()
        started = time.process_time()
        for start, packet in packets:
            fabric.walk(start, packet)
        return len(packets) / (time.process_time() - started)

    rates["walks_first"].append(rate(asked[:FIRST_WALKS]))
    rate(asked[FIRST_WALKS:])
    for number in range(int(rounds)):
        others = [(start, one._replace(source_port=1024 + number)) for start, one in asked]
        rates["walks_cold"].append(rate(others))
        rates["walks_cached"].append(rate(others * 5))
    return rates


def _told(file: str) -> Topology:
    topology = msgspec.json.decode(Path(file).read_bytes(), type=Topology)
    gc.collect()
    return topology


def analysis(file: str) -> dict[str, Any]:
    """Whom the internet reaches in a topology, and by how many ways all packets end."""
    topology = _told(file)
    started = time.process_time()
    ends = list(reach(Fabric(topology).node, ON_THE_INTERNET, everything(4)))
    reached = {one.end.hop.id for one in ends if one.end.outcome == DELIVERED}
    spent = time.process_time() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"s": spent, "reached": sorted(reached), "ends": len(ends), "peak_mb": peak_mb}


def findings(file: str) -> dict[str, Any]:
    """All ways from gateways to interfaces."""
    topology = _told(file)
    started = time.process_time()
    fabric = Fabric(topology)
    starts = [at_gateway(fabric, name) for name in topology.gateways]
    ways = list(found(fabric, starts, [Condition(ends=frozenset(topology.interfaces))]))
    spent = time.process_time() - started
    return {"s": spent, "reached": sorted({way.end for way in ways}), "ends": len(ways)}


def sampled(*words: str) -> Any:
    """A sample of ours, in a process of its own."""
    command = [sys.executable, __file__, "--sample", *words]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def analyses(directory: Path, comparison: Comparison, *, quick: bool) -> dict[str, int]:
    """All sizes, ours and the peer's in turn. Raises RuntimeError if they disagree."""
    peer = peers.bitwuzla()
    if peer is None:
        print(f"{PEER} cannot be had here and is left out", file=sys.stderr)
    ends = {}
    for size in SIZES:
        file = directory / f"{size}.json"
        file.write_bytes(msgspec.json.encode(networks.network(size // networks.HOSTS)))
        large = size == SIZES[-1]
        for _ in range(1 if quick else ROUNDS - 2 * large):
            ours, ways = sampled("analysis", str(file)), sampled("findings", str(file))
            comparison.add(f"access_analysis_{size}", US, ours["s"])
            comparison.add(f"memory_{size}", US, ours["peak_mb"])
            comparison.add(f"access_findings_{size}", US, ways["s"])
            ends[f"ends_{size}"], ends[f"ways_{size}"] = ours["ends"], ways["ends"]
            if ways["reached"] != ours["reached"]:
                raise RuntimeError(f"findings and the analysis disagree on {size} interfaces")
            if peer is None or (quick and large):
                continue
            theirs = json.loads(subprocess.check_output([*peer, str(file)]))
            comparison.add(f"access_analysis_{size}", PEER, theirs["encode_s"] + theirs["solve_s"])
            if sorted(theirs["reached"]) != ours["reached"]:
                raise RuntimeError(f"{PEER} and ours disagree on {size} interfaces")
        ends[f"reached_{size}"] = len(ours["reached"])
    return ends


def judge(results: dict[str, Any]) -> None:
    """Say of each aim whether it is reached."""
    for measure, aim in AIMS.items():
        value = results[measure]["us"]
        reached = value >= aim if measure.startswith("walks") else value <= aim
        print(f"{measure:26} aim {aim:g}: {'reached' if reached else 'NOT reached'}")


def main() -> None:
    """Measure, print, write."""
    parser = parsing(__doc__ or "")
    parser.add_argument("--sample", nargs=2, metavar=("KIND", "OF"), help="take one sample only")
    chosen = parser.parse_args()
    if chosen.sample:
        kind, what = chosen.sample
        samples = {"walks": walks, "analysis": analysis, "findings": findings}
        print(json.dumps(samples[kind](what)))
        return
    units = {"walks_first": "/s", "walks_cold": "/s", "walks_cached": "/s"}
    units |= {f"access_analysis_{size}": "s" for size in SIZES}
    units |= {f"access_findings_{size}": "s" for size in SIZES}
    units |= {f"memory_{size}": "MB" for size in SIZES}
    comparison = Comparison(units)
    for measure, values in sampled("walks", "2" if chosen.quick else str(ROUNDS)).items():
        for value in values:
            comparison.add(measure, US, value)
    with tempfile.TemporaryDirectory(prefix="ap-") as name:
        counts = analyses(Path(name), comparison, quick=chosen.quick)
    comparison.show(chosen.json)
    for what, count in counts.items():
        print(f"{what:26} {count:>10}")
    judge(comparison.results())


if __name__ == "__main__":
    main()
