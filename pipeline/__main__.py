"""python -m pipeline COMMAND: see `pipeline.commands`."""

import sys

from pipeline.commands import main

sys.exit(main())
