"""Options of other trackers."""

import pytest

from mambatrack.cli import main
from mambatrack.cli.other_trackers import MEANT, hint
from mambatrack.cli.program import build_parser


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("track --source a.mp4", "unknown argument --source; name the source without an option"),
        ("track a.mp4 --save", "--output FILE.mp4 names the video"),
        ("track a.mp4 --track_buffer=60", "--tracker.max_age is how long"),
        ("track a.mp4 --tracker bytetrack", "--association and --predictor choose"),
        ("track a.mp4 --outputs b.mp4", "did you mean --output?"),
        ("eval --dataset d --tracker-dir r", "--results names the folder of results"),
        ("track source=a.mp4", "source=... is no option here: name the source alone"),
        ("track a.mp4 conf=0.3", "conf=... is no option here"),
        ("live source=0", "source=... is no option here"),
    ],
)
def test_options_of_others_are_told_what_they_are_here(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(words.split())
    assert caught.value.code == 2 and said in capsys.readouterr().err


def test_nothing_is_named_that_the_command_does_not_have():
    assert hint("--save-txt", ["--mot"]) and not hint("--save-txt", ["--csv"])
    assert not hint("--colour", ["--mot"]) and not hint("save-txt", ["--mot"])


def test_every_option_that_is_named_exists():
    commands = build_parser()._subparsers._group_actions[0].choices.values()
    known = {
        text for each in commands for action in each._actions for text in action.option_strings
    }
    for text, names in MEANT.items():
        assert all(hint(f"--{name}", known) == text for name in names.split())


def test_a_file_of_such_a_name_is_a_source(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "source=a.mp4").write_bytes(b"no video")
    assert main(["track", "source=a.mp4", "--detector", "motion"]) == 1
    assert "source=a.mp4" in capsys.readouterr().err
