"""The command line: ``main`` in program.py runs it."""

from mambatrack.cli.program import main

__all__ = ["main"]
