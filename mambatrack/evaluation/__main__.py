import sys

from mambatrack.evaluation import main

sys.exit(main())
