"""``mambatrack config``: all settings as YAML that --config reads."""

import argparse

from mambatrack.cli.arguments import Command
from mambatrack.cli.shared import OK
from mambatrack.config import Config, as_yaml


def run(options: argparse.Namespace, config: Config) -> int:
    """Prints each section with what it is for, and each setting with its value and meaning."""
    print(as_yaml(config))
    return OK


CONFIG = Command("config", "print every setting, as YAML", lambda parser: None, run)
