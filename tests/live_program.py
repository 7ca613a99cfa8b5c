"""``mambatrack live`` with the options that tests need, also as a program of its own."""

import argparse
import sys

from mambatrack.cli import live
from mambatrack.config import load_config


def main(*arguments):
    parser = argparse.ArgumentParser("live")
    parser.set_defaults(parser=parser, quiet=False)
    live.add_arguments(parser)
    options = parser.parse_args([str(each) for each in arguments])
    options.check(options)
    fast = {"tracker.predictor": "kalman", "tracker.association": "overlap"}
    return live.run(options, load_config(None, fast))


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
