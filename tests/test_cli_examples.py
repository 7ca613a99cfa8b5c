"""What the help of a command begins and ends with."""

import argparse
import shlex

import pytest

from mambatrack.cli.arguments import whole
from mambatrack.cli.effects import SHORTCUTS, Parser
from mambatrack.cli.examples import EXAMPLES
from mambatrack.cli.named_files import check_forms
from mambatrack.cli.program import COMMANDS, build_parser, parse
from mambatrack.config import Config


def test_every_command_has_examples_that_it_takes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "clip.mp4").touch()
    assert set(EXAMPLES) == {command.name for command in COMMANDS}
    for name, lines in EXAMPLES.items():
        for line in lines:
            program, *words = shlex.split(line.partition(" > ")[0])
            assert (program, words[0]) == ("mambatrack", name)
            _, options, _ = parse(words)
            check_forms(options)


def test_the_help_shows_them(capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["track", "--help"])
    said = capsys.readouterr().out
    assert all(f"  {line}\n" in said for line in EXAMPLES["track"])
    assert "'mambatrack config' lists them" in said


def test_every_default_is_shown():
    actions = build_parser()._actions
    choices = next(each for each in actions if isinstance(each, argparse._SubParsersAction)).choices
    for name, parser in choices.items():
        for action in parser._actions:
            section, item = SHORTCUTS.get(action.dest, ".").split(".")
            usual = getattr(getattr(Config(), section), item) if section else action.default
            told = action.help or ""
            if usual and usual is not True and usual != argparse.SUPPRESS:
                assert "default" in told or "(" in told, (name, told)


def test_a_default_is_said_once():
    parser = Parser("test")
    add = parser.add_argument
    plain = add("--each", type=whole(0), default=3, help="frames")
    said = add("--port", type=whole(0), default=8000, help="of the page (8000); 0 is any")
    none = add("--nothing", help="frames")
    setting = add("--conf", help="lowest score")
    assert plain.help == "frames (3)" and said.help == "of the page (8000); 0 is any"
    assert none.help == "frames" and setting.help == f"lowest score ({Config().detector.conf})"
