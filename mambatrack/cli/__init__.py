"""The command line: ``main`` in program.py runs it."""

import os
from collections.abc import Sequence

THREADS = "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command -> exit code. numpy has one thread, unless the environment says otherwise:
    products here are so small that others wait for their turn, and keep cores busy meanwhile."""
    if not any(name in os.environ for name in THREADS):
        os.environ[THREADS[0]] = "1"  # read when numpy is loaded, by worker processes too
    try:
        from mambatrack.cli.program import main as run
    except KeyboardInterrupt:  # run() takes those that come later
        return 130
    return run(arguments)
