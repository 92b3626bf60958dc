"""`python -m llmbm_console` is `llmbm-console`."""

import sys

from llmbm_console.cli import main

sys.exit(main())
