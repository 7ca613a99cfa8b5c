"""``mambatrack config``: all settings as YAML that --config reads."""

import argparse
import dataclasses
import json

from mambatrack.cli.arguments import Command
from mambatrack.cli.shared import OK
from mambatrack.config import Config, describe


def run(options: argparse.Namespace, config: Config) -> int:
    """Prints each section with what it is for, and each setting with its value and meaning."""
    section = ""
    for key, _, meaning in describe():
        name, item = key.split(".")
        own = getattr(config, name)
        if name != section:
            section = name
            print(f"{name}:  # {own.__doc__.rstrip('.')}")
        print(f"  {item}: {json.dumps(dataclasses.asdict(own)[item])}  # {meaning}")
    return OK


CONFIG = Command("config", "print every setting, as YAML", lambda parser: None, run)
