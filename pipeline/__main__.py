"""python -m pipeline COMMAND: see `pipeline.commands`."""

import gc
import sys

from pipeline.commands import main

# What a command makes, parsed text and pages, it mostly keeps until it ends:
# seldom looking for what nobody uses any more saves a fifth of its time.
gc.set_threshold(100_000, 50, 100)
sys.exit(main())
