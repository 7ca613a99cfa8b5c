"""Every option of every command has an effect, or is refused where it would have none."""

import argparse
import re

import pytest

from mambatrack.cli.program import build_parser, parse

READY = "eval --dataset d --results r"
PEERS = "bench --peers"
BOXES = "track -"
FOLDER = "track --dataset d --out o"
KALMAN = "--predictor kalman --device cpu"
TEXTS = "--mot a.txt"

NEVER_ALONE = {  # option -> command lines in which it would do nothing, for each that has it
    "track": {
        "--out": ["track a.mp4 --out o", f"{BOXES} --out o"],
        "--split": ["track a.mp4 --split val", f"{BOXES} --split val"],
        "--offline": [],  # boxes from - are refused by the setting
        "--detector": [f"{BOXES} --detector motion"],
        "--weights": [f"{BOXES} --weights a.onnx"],
        "--conf": [],
        "--association": [],
        "--class-names": [f"{BOXES} --class-names a"],
        "--slice": [f"{BOXES} --slice 640"],
        "--overlap": ["track a.mp4 --overlap 0.1", f"{BOXES} --overlap 0.1"],
        "--device": [f"track a.mp4 {KALMAN}"],
        "--workers": ["track a.mp4 --workers 2", f"{BOXES} --workers 2"],
        "--engine": ["track a.mp4 --engine ray", f"{BOXES} --engine ray"],
        "--address": [f"{FOLDER} --address auto"],
        "--crop": [f"{FOLDER} --crop 0:0:9:9", f"{BOXES} --crop 0:0:9:9"],
        "--start": [f"{FOLDER} --start 1", f"{BOXES} --start 1"],
        "--stop": [f"{FOLDER} --stop 1", f"{BOXES} --stop 1"],
        "--stride": [f"{FOLDER} --stride 2", f"{BOXES} --stride 2"],
        "--output": [f"{FOLDER} --output a.mp4", f"{BOXES} --output a.mp4"],
        "--mot": [f"{FOLDER} --mot a.txt"],
        "--mot-predicted": [
            "track a.mp4 --mot-predicted",
            f"{FOLDER} --mot-predicted",
            f"{BOXES} --emit jsonl --mot-predicted",
            f"{BOXES} --jsonl a.jsonl --mot-predicted",
        ],
        "--jsonl": [f"{FOLDER} --jsonl a.jsonl"],
        "--csv": [f"{FOLDER} --csv a.csv"],
        "--revise": [
            "track a.mp4 --revise",
            "track a.mp4 --revise --jsonl a.jsonl --offline",
            "track a.mp4 --revise --jsonl a.jsonl --tracker.offline true",
            f"{BOXES} --revise --jsonl a.jsonl",
        ],
        "--embeddings": [
            "track a.mp4 --embeddings",
            f"{BOXES} --embeddings --jsonl a.jsonl",
        ],
        "--line": [f"{FOLDER} --line a:0,0,9,9", f"{BOXES} --line a:0,0,9,9"],
        "--zone": [f"{FOLDER} --zone a:0,0;9,9;9,0", f"{BOXES} --zone a:0,0;9,9;9,0"],
        "--events": ["track a.mp4 --events e.csv", f"{BOXES} --events e.csv"],
        "--heat-map": [f"{FOLDER} --heat-map h.png", f"{BOXES} --heat-map h.png"],
        "--forecast": [
            f"track a.mp4 {TEXTS} --forecast",
            "track a.mp4 --forecast --offline",
            f"{BOXES} --forecast",
        ],
        "--camera": [],
        "--appearance": [f"{BOXES} --appearance colour"],
        "--draw": [
            f"track a.mp4 {TEXTS} --draw ids",
            f"{FOLDER} --draw ids",
            f"{BOXES} --draw ids",
            "track a.mp4 --draw forecast --offline",
        ],
        "--show": [f"{FOLDER} --show", f"{BOXES} --show"],
        "--overwrite": [f"{BOXES} --overwrite"],
        "--no-sound": [f"track a.mp4 {TEXTS} --no-sound", f"{FOLDER} --no-sound"],
        "--output-video": ["track a.mp4 --output-video", f"{FOLDER} --output-video"],
        "--format": ["track a.mp4 --format mot", f"{FOLDER} --format mot"],
        "--emit": ["track a.mp4 --emit mot", f"{FOLDER} --emit mot"],
        "--size": ["track a.mp4 --size 9x9", f"{FOLDER} --size 9x9"],
        "--max-missing": ["track a.mp4 --max-missing 7", f"{FOLDER} --max-missing 7"],
    },
    "live": {
        "--loop": ["live rtsp://door/1 --loop", "live 0 --loop"],
        "--output": [],
        "--mot": [],
        "--mot-predicted": ["live a.mp4 --mot-predicted"],
        "--jsonl": [],
        "--csv": [],
        "--revise": ["live a.mp4 --revise", "live a.mp4 --jsonl a.jsonl --revise --lag 5"],
        "--embeddings": [
            "live a.mp4 --embeddings",
            "live a.mp4 --jsonl a.jsonl --embeddings --lag 5",
        ],
        "--line": [],
        "--zone": [],
        "--renew": ["live a.mp4 --renew 1", "live a.mp4 --show --renew 1"],
        "--events": ["live a.mp4 --events e.csv"],
        "--heat-map": [],
        "--forecast": [
            f"live a.mp4 {TEXTS} --forecast",
            "live a.mp4 --output a.mp4 --lag 5 --forecast",
        ],
        "--draw": [f"live a.mp4 {TEXTS} --draw ids"],
        "--show": [],
        "--overwrite": ["live a.mp4 --overwrite", "live a.mp4 --show --overwrite"],
        "--lag": ["live a.mp4 --lag 5", "live a.mp4 --show --lag 5"],
        "--host": ["live a.mp4 --host ::1"],
        "--port": ["live a.mp4 --port 1"],
        "--token": ["live a.mp4 --token t"],
        "--token-file": ["live a.mp4 --token-file t"],
        "--camera": [],
        "--appearance": [],
        "--association": [],
        "--detector": [],
        "--weights": [],
        "--conf": [],
        "--class-names": [],
        "--slice": [],
        "--overlap": ["live a.mp4 --overlap 0.1"],
        "--device": [f"live a.mp4 {KALMAN}"],
    },
    "detect": {
        "--split": ["detect a.mp4 --out o --split val"],
        "--out": ["detect --dataset d --out o"],
        "--detector": [],
        "--weights": [],
        "--conf": [],
        "--class-names": [],
        "--slice": [],
        "--overlap": ["detect a.mp4 --out b.txt --overlap 0.1"],
    },
    "train": {"--device": []},
    "eval": {
        "--predictor": [],  # one of three ways to say what is scored
        "--association": [f"{READY} --association overlap"],
        "--offline": [f"{READY} --offline"],
        "--camera": [f"{READY} --camera boxes"],
        "--appearance": [f"{READY} --appearance colour"],
        "--out": [f"{READY} --out o"],
        "--clip-limit": ["eval --dataset d --clip-limit 3"],
        "--full": ["eval --dataset d --full --quiet"],
        "--overwrite": [f"{READY} --overwrite"],
        "--detector": [f"{READY} --detector motion"],
        "--weights": [f"{READY} --weights a.onnx"],
        "--conf": [f"{READY} --conf 0.5"],
        "--class-names": [f"{READY} --class-names a"],
        "--slice": [f"{READY} --slice 640"],
        "--overlap": ["eval --dataset d --overlap 0.1"],
        "--device": [f"{READY} --device cpu", f"eval --dataset d {KALMAN}"],
        "--workers": [],
        "--engine": [],
        "--address": ["eval --dataset d --address auto"],
        "--config": [f"{READY} --config overlap"],
    },
    "eval-motion": {
        "--predictor": [],
        "--device": [f"eval-motion --dataset d {KALMAN}"],
        "--overwrite": ["eval-motion --dataset d --overwrite"],
    },
    "tune": {
        "--same-sequences": [
            "tune --dataset d --out o --trials 1 --same-sequences --tune-on a --report-on b"
        ],
        "--association": [],
        "--camera": [],
        "--appearance": [],
        "--detector": [],
        "--weights": [],
        "--conf": [],
        "--class-names": [],
        "--slice": [],
        "--overlap": ["tune --dataset d --out o --trials 1 --overlap 0.1"],
        "--device": [f"tune --dataset d --out o --trials 1 {KALMAN}"],
        "--workers": [],
        "--engine": [],
        "--address": ["tune --dataset d --out o --trials 1 --address auto"],
    },
    "bench": {
        "--predictor": [f"{PEERS} --predictor kalman"],
        "--association": [f"{PEERS} --association overlap"],
        "--objects": [f"{PEERS} --objects 9"],
        "--device": [f"{PEERS} --device cpu", f"bench {KALMAN}"],
        "--json": [f"{PEERS} --json j"],
        "--profile": [f"{PEERS} --profile"],
        "--overwrite": ["bench --overwrite"],
        "--peer": ["bench --peer boxmot=python"],
        "--results": ["bench --results r", f"{PEERS} --results r", "bench --dataset d --results r"],
        "--page": [f"{PEERS} --page p.md"],
    },
    "link": {"--appearance": ["link a.jsonl --out o --appearance colour"]},
    "gallery": {
        "--merge": ["gallery a.state --merge 1 2 --forget 3"],
        "--overwrite": ["gallery a.state --overwrite"],
    },
    "simulate": {
        "--split": ["simulate --walkers 1 --like d --out o --split val"],
        "--classes": ["simulate --walkers 1 --like d --out o --classes 1"],
    },
    "export": {"--weights": ["export --predictor mamba --weights a.safetensors --out o"]},
}
ALWAYS = {  # options that do something in every command line of their command
    "track": "--dataset --predictor --classes --config",
    "live": "--crop --seconds --frames --state --serve --predictor --classes",
    "detect": "--dataset --crop --start --stop --stride --classes --overwrite",
    "camera": "--out --boxes --homography --crop --start --stop --overwrite",
    "train": "--dataset --out",
    "train-association": "--dataset --out",
    "train-gap-filling": "--dataset --out",
    "train-embedder": "--crops --out",
    "train-detector": "--dataset --out",
    "eval": "--dataset --split --half --results --trackers --csv --json --occlusion --switches "
    "--clips --plots --report --strict --classes",
    "eval-motion": "--dataset --split --half --classes --source --horizons --warmup --stride --csv "
    "--json",
    "tune": "--dataset --split --half --out --trials --param --tune-on --report-on --seed "
    "--predictor --classes",
    "bench": "--passes --out --peers --dataset",
    "simulate": "--dataset --walkers --every --backwards --like --out --seed --overwrite",
    "submit": "--server --results --dataset --out --overwrite",
    "export-tracks": "--format --out --video --size --fps --class-names --seen-only --overwrite",
    "info": "--json",
    "export": "--predictor --out --overwrite",
    "link": "--out --videos --overwrite",
    "gallery": "--source --forget --pictures",
    "quantize": "--out --dataset --overwrite",
}
LINES = [
    (option, line)
    for command in NEVER_ALONE.values()
    for option, lines in command.items()
    for line in lines
]


def commands():
    (choices,) = (
        each for each in build_parser()._actions if isinstance(each, argparse._SubParsersAction)
    )
    return choices.choices


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_option_stands_in_one_of_the_tables(command):
    """A new option has a line here that says where it would do nothing, or that it always acts."""
    parser = commands()[command]
    options = {each.option_strings[-1] for each in parser._actions if each.option_strings}
    options -= {"--help", "--quiet", "--config"}
    known = {*NEVER_ALONE.get(command, ()), *ALWAYS.get(command, "").split()} - {"--config"}
    assert options == known


@pytest.mark.parametrize(("option", "line"), LINES)
def test_an_option_without_effect_is_refused(option, line, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(line.split())
    said = capsys.readouterr().err.splitlines()[-1]
    assert ended.value.code == 2
    form = rf"error: {option}( forecast| with --lag)? has no effect with(out)? .+: .*leave it out$"
    assert re.search(form, said), said


def test_what_is_declared_is_tested():
    """An option that is declared to need something has a command line in the table."""
    for command, parser in commands().items():
        for option, needs, unless in parser.effects.values():
            if any(map(parser.knows, unless)) or any(each.startswith("--") for each in needs):
                lines = [each[option] for each in NEVER_ALONE.values() if option in each]
                assert any(lines), (command, option)


@pytest.mark.parametrize(
    "line",
    [
        "track a.mp4 --overwrite --forecast --no-sound --draw ids",  # a video is written anyway
        "track a.mp4 --mot a.txt --mot-predicted --overwrite",
        "track a.mp4 --jsonl a.jsonl --revise --events e.csv --line a:0,0,9,9",
        "track a.mp4 --detector.slice 640 --overlap 0.1 --device cpu",
        "track - --mot-predicted",
        "track - --emit mot --mot-predicted --size 9x9 --format mot --max-missing 3 --conf 0.4",
        "track - --mot a.txt --overwrite",
        f"{FOLDER} --workers 2 --engine ray --address auto --overwrite --slice 640 --overlap 0.1",
        "live a.mp4 rtsp://door/1 --loop --lag 5 --mot a.txt --overwrite",
        "live a.mp4 --serve --host ::1 --port 1 --token t --forecast --jsonl a.jsonl --lag 5",
        f"{READY} --csv c --overwrite --workers 2",
        "eval --dataset d --overwrite --out o --clips c --clip-limit 3 --full",
        "eval --dataset d --predictor kalman mamba --device cpu",
        "eval-motion --dataset d --json j --overwrite",
        "tune --dataset d --out o --trials 1 --same-sequences --tune-on a",
        "bench --json j --overwrite",
        "bench --dataset d --profile",
        "bench --page p.md --peer trackers=python --overwrite",
        f"{PEERS} --dataset d --results r --overwrite",
        "simulate --dataset d --like d --out o --split val --classes 1",
    ],
)
def test_options_are_taken_with_what_they_need(line):
    _, options, _ = parse(line.split())
    assert options.command == line.split()[0]
