"""Make `python -m exporter` the same as `exchange-balance-exporter`."""

import sys

from exporter.cli import main

sys.exit(main())
