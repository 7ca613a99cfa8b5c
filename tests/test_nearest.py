"""One mechanism tells what was meant, wherever a name is not known."""

import copy
import dataclasses
import pickle

import pytest

from mambatrack import Tracker, open_detector
from mambatrack.cli import main
from mambatrack.cli.program import parse
from mambatrack.config import Config, describe, load_config
from mambatrack.embedders.loading import open_embedder
from mambatrack.errors import MambatrackError
from mambatrack.nearest import did_you_mean, nearest
from videos import write_avi

EMBEDDERS = ("off", "auto", "colour", "own", "reid-0287")


@pytest.mark.parametrize(
    ("typed", "known", "meant"),
    [
        ("color", EMBEDDERS, "colour"),
        ("COLOR", EMBEDDERS, "colour"),
        ("Colour", EMBEDDERS, "colour"),
        ("colours", EMBEDDERS, "colour"),
        ("none", EMBEDDERS, "off"),
        ("reid_0287", EMBEDDERS, "reid-0287"),
        (False, EMBEDDERS, "off"),
        ("gray", ("grey", "red"), "grey"),
        ("center", ("foot", "centre"), "centre"),
        ("Centroid", ("foot", "centre"), "centre"),
        ("normalization", ("normalisation", "embedder"), "normalisation"),
        ("modeled", ("modelled",), "modelled"),
        ("CUDA", ("auto", "cpu", "cuda"), "cuda"),
        ("cuda:0", ("auto", "cpu", "cuda"), "cuda"),
        ("0", ("auto", "cpu", "cuda"), "cuda"),
        ("gpu", ("auto", "cpu", "cuda"), "cuda"),
        ("label_studio", ("cvat", "label-studio"), "label-studio"),
        ("fifty", ("cvat", "fiftyone"), "fiftyone"),
        ("--Output", ("--output", "--out"), "--output"),
        ("--mot_predicted", ("--mot", "--mot-predicted"), "--mot-predicted"),
        ("lstm", ("kalman", "mamba"), None),
        ("", ("kalman", "mamba", ""), None),
        ("12345678", ("1", "2"), None),
        ("\u00dc" * 5000, ("kalman",), None),
    ],
)
def test_what_was_meant(typed, known, meant):
    assert nearest(typed, known) == meant
    assert did_you_mean(typed, known).count("did you mean") == (meant is not None)


def choices():
    """(setting, one of its choices)"""
    for section in dataclasses.fields(Config):
        for item in dataclasses.fields(section.default_factory):
            for choice in filter(None, item.metadata["choices"]):
                yield f"{section.name}.{item.name}", choice


@pytest.mark.parametrize(("key", "choice"), list(choices()))
def test_every_choice_of_every_setting_is_found_in_capitals_and_misspelt(key, choice):
    for typed in (
        choice.upper(),
        choice.title(),
        f"{choice}{choice[-1]}",
        choice.replace("-", "_"),
    ):
        if typed != choice:
            with pytest.raises(MambatrackError, match=f"did you mean '{choice}'") as raised:
                load_config(overrides={key: typed})
            assert str(raised.value).count("did you mean") == 1


def test_every_setting_is_found_in_capitals_and_in_the_other_spelling():
    for key, _, _ in describe():
        for typed in (key.upper(), key.replace("our", "or"), key.replace("is", "iz")):
            if typed != key:
                with pytest.raises(MambatrackError, match=f"did you mean '{key}'"):
                    load_config(overrides={typed: "1"})


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("track a.avi --appearance color", "'colour'"),
        ("track a.avi --device gpu", "'cuda'"),
        ("track a.avi --device cuda:0", "'cuda'"),
        ("track a.avi --predictor Kalman", "'kalman'"),
        ("track a.avi --association Overlap", "'overlap'"),
        ("track a.avi --camera picture", "'pictures'"),
        ("track a.avi --draw box,id", "'boxes'"),
        ("track a.avi --config overlp", "'overlap'"),
        ("track a.avi --detector yolox-nano", "'yolox_nano'"),
        ("track a.avi --detector YOLOX_S", "'yolox_s'"),
        ("track a.avi --Detector own", "--detector"),
        ("track a.avi --counting.anchor center", "'centre'"),
        ("track a.avi --appearance.normalization half", "'appearance.normalisation'"),
        ("track - --emit json", "'jsonl'"),
        ("export-tracks r.txt --format CVAT --out o", "'cvat'"),
        ("submit --server DanceTrack --results r", "'dancetrack'"),
        ("Track a.avi", "'track'"),
        ("help", "--help"),
        ("version", "--version"),
        ("traces a.avi", "'track'"),
        ("quantise a.safetensors --out b.safetensors", "'quantize'"),
        ("ids swop 1 2 r.txt", "'swap'"),
        ("eval --dataset d --half Second", "'second'"),
        ("eval-motion --dataset d --source detection", "'detections'"),
    ],
)
def test_the_command_line_says_it(line, meant, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_avi(tmp_path / "a.avi")
    (tmp_path / "d").mkdir()
    try:
        assert main(line.split()) == 1
    except SystemExit as ended:
        assert ended.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"did you mean {meant}?" in said, said


def test_an_embedder_and_a_detector_in_python():
    with pytest.raises(MambatrackError, match="did you mean 'colour'"):
        open_embedder("color")
    with pytest.raises(MambatrackError, match="did you mean 'motion'"):
        open_detector("motions")


@pytest.mark.parametrize(
    ("theirs", "one", "several"),
    [
        ("xyxy", "box", "boxes"), ("tracker_id", "id", "ids"), ("confidence", "score", "scores"),
        ("cls", "label", "labels"), ("idss", "id", "ids"), ("Boxes", "box", "boxes"),
    ],
)  # fmt: skip
def test_what_other_trackers_call_an_attribute_is_told_its_name_here(theirs, one, several):
    tracks = Tracker(predictor="kalman", association="overlap").update([[0, 0, 10, 20, 0.9]])
    for found, kind, ours in ((tracks[0], "Track", one), (tracks, "Tracks", several)):
        expected = f"'{kind}' object has no attribute '{theirs}'; did you mean '{ours}'"
        with pytest.raises(AttributeError, match=expected):
            getattr(found, theirs)
        assert not hasattr(found, theirs) and not hasattr(found, "__array__")
        assert repr(copy.deepcopy(found)) == repr(pickle.loads(pickle.dumps(found))) == repr(found)


def test_settings_may_be_written_with_dashes_as_options_are():
    _, _, config = parse(["track", "a.mp4", "--tracker.max-age", "7", "--gap-filling.steps=9"])
    assert config.tracker.max_age == 7 and config.gap_filling.steps == 9
    with pytest.raises(SystemExit):
        parse(["track", "a.mp4", "--Tracker.max-age", "7"])
