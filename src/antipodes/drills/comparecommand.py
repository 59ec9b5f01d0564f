"""`antipodes drill compare`: a drill's variants side by side, in simulation."""

import argparse
import sys

from antipodes.drills import table
from antipodes.drills.compare import compare, render
from antipodes.drills.output import save_json
from antipodes.drills.variants import load_variants
from antipodes.drills.verdict import EXIT_STATUS, Verdict, worst


def compare_variants(options: argparse.Namespace) -> int:
    """Play, show and save; return the exit status of the worst verdict. Raises DrillError.

    Where a drill expects nothing there is nothing to judge: then having played it is enough.
    """
    variants, directory = load_variants(options.file)
    progress = table.Progress(sys.stderr)
    try:
        found = compare(variants, directory, seed=options.seed, progress=progress)
    finally:
        progress.end()
    print(render(found))
    if options.json:
        save_json(options.json, {"variants": [one.document() for one in found]})
    failed = worst([Verdict(one.verdict) for one in found]) is Verdict.FAIL
    return EXIT_STATUS[Verdict.FAIL if failed else Verdict.PASS]
