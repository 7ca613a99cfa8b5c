"""What is given on the command line: what is read, and what is refused in a few words."""

import argparse
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.association import loading as associations
from mambatrack.cli import main
from mambatrack.cli.arguments import LARGEST, MODELS, names, positive, whole
from mambatrack.cli.named_files import DatasetPath, PicturesPath, ReadPath
from mambatrack.cli.program import build_parser, parse
from mambatrack.motion.loading import PLAIN
from mambatrack.networks.model_files import SHIPPED
from mambatrack.settings import ASSOCIATIONS, PREDICTORS
from mambatrack.simulation.world import write_sequence

PICTURES = {"train-detector": ReadPath, "detect": PicturesPath}  # of their --dataset


@given(st.integers(-(10**30), 10**30), st.integers(-5, 5), st.integers(6, LARGEST))
def test_a_whole_number_within_the_limits_is_read_and_no_other(value, low, high):
    if low <= value <= high:
        assert whole(low, high)(str(value)) == value
        return
    with pytest.raises(argparse.ArgumentTypeError, match=f"expected a whole number from {low} "):
        whole(low, high)(str(value))


@given(st.text())
def test_any_text_is_a_number_or_refused_in_a_few_words(text):
    for kind in (whole(0), positive):
        try:
            assert kind(text) >= 0
        except argparse.ArgumentTypeError as error:
            assert len(str(error)) < 150


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "1e999", "x", ""])
def test_what_is_not_above_0_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number above 0"):
        positive(text)


def test_names_lie_between_commas():
    assert names("a, b,,c ") == ("a", "b", "c") and names("") == ()
    with pytest.raises(argparse.ArgumentTypeError):
        names("caf\udce9")


def test_a_predictor_is_called_the_same_everywhere(capsys):
    assert set(PREDICTORS) == {*PLAIN, *SHIPPED}
    assert set(ASSOCIATIONS) == {"overlap", *associations.SHIPPED}
    for command in ("track", "live", "eval", "eval-motion", "tune", "bench"):
        with pytest.raises(SystemExit):
            build_parser().parse_args([command, "--help"])
        assert "".join(MODELS.split()) in "".join(capsys.readouterr().out.split())


def commands():
    actions = build_parser()._actions
    return next(each for each in actions if isinstance(each, argparse._SubParsersAction)).choices


NEEDED = {  # what each command needs beside one option
    "track": "a.mp4", "live": "a.mp4", "eval": "--dataset d", "eval-motion": "--dataset d",
    "tune": "--dataset d --out o --trials 1", "bench": "",
}  # fmt: skip


@pytest.mark.parametrize("option", ["--predictor", "--association"])
@pytest.mark.parametrize("command", sorted(NEEDED))
def test_models_have_one_spelling_everywhere(command, option, capsys):
    """The same names and the path of a file are taken, and others refused in the same words."""
    if option not in commands()[command]._option_string_actions:
        pytest.skip("nobody is told from another here")
    known = {"--predictor": PREDICTORS, "--association": ASSOCIATIONS}[option]
    for value in (*known, "trained.safetensors"):
        parse([command, *NEEDED[command].split(), option, value])
    with pytest.raises(SystemExit) as ended:
        parse([command, *NEEDED[command].split(), option, "nope"])
    said = capsys.readouterr().err
    expected = f"'nope' is not allowed (one of {', '.join(known)}, or the path of a trained"
    assert ended.value.code == 2 and expected in said


def test_data_sets_have_one_spelling_everywhere():
    named = {
        name: action
        for name, parser in commands().items()
        for action in parser._actions
        if "--dataset" in action.option_strings
    }
    assert len(named) >= 9 and not any(
        each.startswith("--data") and each != "--dataset"
        for parser in commands().values()
        for each in parser._option_string_actions
    )
    for name, action in named.items():
        kind = PICTURES.get(name, DatasetPath)
        assert (action.type, action.metavar) == (kind, "DIR")


def test_a_device_is_for_networks(capsys):
    for name in PLAIN:
        with pytest.raises(SystemExit):
            parse(["track", "a.mp4", "--predictor", name, "--device", "cpu"])
        assert "--device has no effect without" in capsys.readouterr().err


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    write_sequence(
        folder / "a", seed=3, people=2, frames=3, size=(160, 120), video=folder / "a.mp4"
    )
    return folder / "a.mp4"


@pytest.fixture
def track(clip, tmp_path, monkeypatch):
    """Runs ``mambatrack track`` on the clip, with its detections, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    detections = ["--detector", "file", "--weights", str(clip.parent / "a/det/det.txt")]
    models = ["--predictor", "still", "--association", "overlap"]
    return lambda *given: main(["track", str(clip), *detections, *models, *map(str, given)])


MONSTERS = ["9" * 6000, "-" + "9" * 6000, "[" * 1000, "0x" + "f" * 6000, "1:" * 3000, "", "\udcff"]


@pytest.mark.parametrize("text", MONSTERS, ids=lambda text: text[:3] + str(len(text)))
@pytest.mark.parametrize(
    "option",
    ["start", "stop", "stride", "forecast", "max-missing", "workers", "crop", "size", "conf",
     "classes", "predictor", "association", "detector", "mot", "config", "tracker.max_age",
     "tracker.iou_gate", "tracker.class_aware", "detector.classes", "training.rate"],
)  # fmt: skip
def test_a_monstrous_value_is_one_short_line(track, capsys, option, text):
    try:
        code = track("--stop", 1, "--quiet", f"--{option}={text}")
    except SystemExit as stop:
        code = stop.code
    printed = capsys.readouterr().err
    said = [line for line in printed.splitlines() if "error: " in line]
    assert "Traceback" not in printed and max(map(len, printed.splitlines() or [""])) < 1000
    assert (code, len(said)) in ((0, 0), (1, 1), (2, 1))


def test_a_name_that_is_no_text_is_printed(track, capsys):
    name = b"caf\xe9.txt".decode("utf-8", "surrogateescape")
    assert track("--stop", 2, "--mot", name) == 0
    assert "wrote caf\\udce9.txt" in capsys.readouterr().out and os.path.exists(name)
