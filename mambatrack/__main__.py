"""``python -m mambatrack``."""

import sys

from mambatrack.cli import main

if __name__ == "__main__":
    sys.exit(main())
