"""Plays drills of the library, shortened, and prints their digests, in whatever interpreter.

    python tests/drills/digests.py [--backwards] NAME...

With --backwards all modules are imported first, in reverse order of their names.
"""

import importlib
import json
import pkgutil
import sys

import msgspec

import antipodes


def shortened(name: str) -> object:
    """Digest, verdict and number of requests of two plays, with an eighth of the requests."""
    from antipodes.drills.format import load_drill  # noqa: PLC0415 - after all others
    from antipodes.drills.simulate import simulate  # noqa: PLC0415 - after all others
    from antipodes.drills.swarm import draw  # noqa: PLC0415 - after all others

    drill, directory = load_drill(name)
    load = msgspec.structs.replace(drill.load, rate=drill.load.rate / 8)
    drill = msgspec.structs.replace(drill, load=load)
    played = [simulate(draw(drill, 2), directory, seed=2) for _ in range(2)]
    return [[p.digest, str(p.judgement.verdict), len(p.history.operations)] for p in played]


if __name__ == "__main__":
    names = [a for a in sys.argv[1:] if not a.startswith("--")]
    if "--backwards" in sys.argv:
        found = pkgutil.walk_packages(antipodes.__path__, "antipodes.")
        for module in sorted((m.name for m in found), reverse=True):
            if not module.endswith("__main__"):
                importlib.import_module(module)
    sys.stdout.write(json.dumps({name: shortened(name) for name in names}))
