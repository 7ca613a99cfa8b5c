"""``mambatrack live`` with the options that tests need, also as a program of its own."""

import sys

from mambatrack.cli import program

FAST = ("--predictor", "kalman", "--association", "overlap")


def main(*arguments):
    return program.main(["live", *map(str, arguments), *FAST])


def run(*arguments):
    """For processes that are split off."""
    sys.exit(main(*arguments))


if __name__ == "__main__":
    run(*sys.argv[1:])
