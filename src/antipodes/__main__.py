"""`python -m antipodes` is the command line."""

import sys

from antipodes.cli import main

sys.exit(main())
