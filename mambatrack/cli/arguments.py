"""The options of every command."""

import argparse
from collections.abc import Iterable
from typing import Any

from mambatrack.cli import evaluate as scoring
from mambatrack.cli import export_tracks as exporting
from mambatrack.cli import ids, live, pipe, tools, train, videos
from mambatrack.cli import track as tracking
from mambatrack.version import VERSION

PREDICTORS = ("mamba", "mamba-window", "kalman", "still")
SOURCE_ONLY = (
    "crop", "start", "stop", "stride", "output", "mot", "jsonl", "csv", "show", "revise",
    "forecast",
)  # fmt: skip
DATASET_ONLY = ("out", "workers", "engine", "address")
RESULTS = ("results", "trackers", "predictors")
TRACKING = ("config", "out", "detector", "weights", "classes", "conf", "device", "offline")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; each sets ``run``, the function that carries it out."""
    parser = argparse.ArgumentParser(
        "mambatrack", description="Online multi-object tracking from boxes.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"mambatrack {VERSION}")
    choices = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    track = _command(choices, "track", tracking.track, "track a video, images, webcam or stream")
    watch = _command(choices, "live", live.run, "track webcams, streams and files as they come")
    teach = _command(choices, "train", train.train, "train a motion model on MOT folders")
    learn = _command(
        choices, "train-association", train.train_association,
        "train who belongs to whom, on sequences with gt and det",
    )  # fmt: skip
    fill = _command(
        choices, "train-refill", train.train_refill, "train what fills the gaps of tracks"
    )
    score = _command(choices, "eval", scoring.evaluate, "score results, or track and score")
    motion = _command(
        choices, "eval-motion", scoring.evaluate_motion, "errors of motion models on true tracks"
    )
    tune = _command(choices, "tune", scoring.tune, "search settings of the tracker")
    bench = _command(choices, "bench", tools.bench, "time for a frame, beside other trackers")
    simulate = _command(
        choices, "simulate", scoring.simulate, "a detector's errors on data without detections"
    )
    hand_in = _command(choices, "submit", scoring.submit, "check and zip results for a server")
    _add_track(track)
    _add_live(watch)
    _add_train(teach)
    _add_train_refill(fill)
    _add_train_association(learn)
    _add_eval(score)
    _add_eval_motion(motion)
    _add_tune(tune)
    _add_bench(bench)
    _add_simulate(simulate)
    _add_submit(hand_in)
    repair = _command(choices, "ids", ids.run, "repair identities of a result, and undo it")
    ids.add_arguments(repair)
    hand_on = _command(
        choices, "export-tracks", exporting.run,
        "a result for CVAT, Label Studio, FiftyOne or rerun",
    )  # fmt: skip
    exporting.add_arguments(hand_on)
    _command(choices, "config", tools.show_config, "print every setting, as YAML")
    info = _command(choices, "info", tools.show_info, "versions, devices, backends, extras")
    info.add_argument("--json", action="store_true", help="for programs")
    export = _command(choices, "export", tools.export, "a motion model as an ONNX file")
    _add_export(export)
    return parser


def _command(choices: Any, name: str, run: Any, purpose: str) -> argparse.ArgumentParser:
    parser = choices.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog="Any setting can be given by its dotted name, as --tracker.max_age 60; "
        "'mambatrack config' lists them.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=run, parser=parser, check=lambda options: None)
    parser.add_argument("--config", help="YAML file, or the name of a shipped configuration")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return parser


def _add_track(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="video file, folder or glob of images, webcam index, RTSP or HTTP address; with --out "
        "a folder of videos; - is boxes on standard input",
    )
    add("--dataset", metavar="DIR", help="track every sequence or video below DIR")
    add("--out", metavar="DIR", help="for the results of --dataset or a folder of videos; goes on "
        "from a stop")  # fmt: skip
    _add_tracker(parser)
    _add_offline(parser)
    _add_detector(parser)
    _add_engine(parser)
    add("--crop", metavar="X0:Y0:X1:Y1", help="part of the picture, in pixels")
    add("--start", type=int, default=0, metavar="N", help="first frame, from 0")
    add("--stop", type=int, metavar="N", help="frame to stop before")
    add("--stride", type=int, default=1, metavar="N", help="take every Nth frame")
    add("--output", metavar="FILE.mp4", help="annotated video; the default without other outputs")
    add("--mot", metavar="FILE", help="MOTChallenge text: what was seen")
    add("--mot-predicted", action="store_true", help="also predicted boxes into --mot")
    add("--jsonl", metavar="FILE", help="JSON Lines: all tracks with state, gap and spread")
    add("--csv", metavar="FILE", help="CSV with supervision's column names")
    add("--revise", action="store_true", help="with --jsonl: a line for each gap, filled from both "
        "ends once its track is found again")  # fmt: skip
    add("--forecast", type=_count, nargs="?", const=30, metavar="N",
        help="draw where the tracks will be in the next N frames (30)")  # fmt: skip
    add("--show", action="store_true", help="live window; q or ESC quits, space pauses")
    add("--overwrite", action="store_true", help="write over files that exist")
    videos.add_arguments(parser)
    pipe.add_arguments(parser)
    parser.set_defaults(check=_check_track)


def _add_live(parser: argparse.ArgumentParser) -> None:
    live.add_arguments(parser)
    _add_tracker(parser)
    _add_detector(parser)


def _add_offline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--offline", action="store_true", default=None,
        help="decide after the last frame, looking both ways: better, and no online result",
    )  # fmt: skip


def _add_tracker(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--predictor", choices=PREDICTORS, help="shipped motion model")
    add("--association", metavar="A", help="learned, overlap, or a trained .safetensors file")


def _add_train(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--data", nargs="+", required=True, metavar="DIR", help="folders in MOT layout")
    add("--out", required=True, metavar="DIR", help="weights, model card, log and checkpoint")
    add("--device", choices=("auto", "cpu", "cuda"), help="where the network is trained")


def _add_train_association(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--data", nargs="+", required=True, metavar="DIR", help="as 'mambatrack simulate' writes")
    add("--out", required=True, metavar="DIR", help="weights, model card, log, and each round")


def _add_train_refill(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--data", nargs="+", required=True, metavar="DIR", help="folders with gt and det")
    add("--out", required=True, metavar="DIR", help="weights, model card and log")


def _add_eval(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    _add_dataset(parser)
    add("--results", metavar="DIR", help="MOT files NAME.txt to score; one file for one sequence")
    add("--trackers", nargs="+", metavar="DIR", help="several such folders, side by side")
    add("--predictor", nargs="+", dest="predictors", metavar="P",
        help="track first, with mamba, kalman, still or a trained file")  # fmt: skip
    _add_offline(parser)
    add("--out", metavar="DIR", help="where those tracks go (default: results/NAME-SETTINGS)")
    add("--csv", metavar="FILE", help="all scores, with full precision")
    add("--json", metavar="FILE", help="all scores and HOTA's curves, with full precision")
    add("--occlusion", action="store_true", help="what becomes of objects without a detection")
    add("--switches", metavar="FILE", help="CSV of every identity switch and its cause")
    add("--clips", metavar="DIR", help="short videos of switches")
    add("--clip-limit", type=_count, default=20, metavar="N", help="of each tracker (20)")
    add("--plots", metavar="DIR", help="curves, bars and identity timelines as PNG and SVG")
    add("--report", metavar="FILE", help="all of it in one HTML file")
    add("--full", action="store_true", help="print every metric")
    add("--strict", action="store_true", help="warnings are errors")
    add("--overwrite", action="store_true", help="write over files that exist, track again")
    _add_detector(parser)
    _add_engine(parser)
    parser.set_defaults(check=_check_eval)


def _add_eval_motion(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    _add_dataset(parser)
    add("--predictor", nargs="+", dest="predictors", metavar="P",
        default=["mamba", "kalman", "velocity", "still"],
        help="mamba, kalman, velocity, still (default: all four), or trained files")  # fmt: skip
    add("--source", choices=("truth", "detections"), default="truth", help="what they are fed")
    add("--horizons", nargs="+", type=_count, default=[1, 5, 10, 20, 30], metavar="N",
        help="frames ahead (1 5 10 20 30)")  # fmt: skip
    add("--warmup", type=_count, default=11, metavar="N", help="boxes before a forecast (11)")
    add("--stride", type=_count, default=30, metavar="N", help="frames between forecasts (30)")
    add("--device", choices=("auto", "cpu", "cuda"), help="where the networks run")
    add("--csv", metavar="FILE", help="all errors, with full precision")
    add("--json", metavar="FILE", help="all errors, with full precision")
    add("--overwrite", action="store_true", help="write over files that exist")


def _add_tune(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    _add_dataset(parser)
    add("--out", required=True, metavar="DIR", help="of the study; the same command goes on")
    add("--trials", type=_count, required=True, metavar="N", help="in all, earlier ones included")
    add("--param", action="append", metavar="NAME=LOW:HIGH",
        help="setting to search, as tracker.iou_gate=0.05:0.5; several times (default: the gates, "
        "scores and max_age)")  # fmt: skip
    add("--tune-on", type=_names, default=(), metavar="A,B", help="sequences (default: a half)")
    add("--report-on", type=_names, default=(), metavar="C,D", help="sequences (default: others)")
    add("--same-sequences", action="store_true", help="report on those tuned on, and say so")
    add("--seed", type=_natural, default=0, metavar="N", help="of the halves and the search (0)")
    add("--predictor", choices=PREDICTORS, help="shipped motion model")
    _add_detector(parser)
    _add_engine(parser)
    parser.set_defaults(check=_check_engine)


def _add_bench(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--predictor", nargs="+", dest="predictors", metavar="P", default=list(PREDICTORS),
        help="mamba, kalman, still (default: all) or trained files")  # fmt: skip
    add("--objects", nargs="+", type=_count, metavar="N", default=[10, 30, 100, 300, 1000],
        help="objects in a frame (10 30 100 300 1000)")  # fmt: skip
    add("--passes", type=_count, default=5, metavar="N", help="of the timing, in turn (5)")
    add("--device", choices=("auto", "cpu", "cuda"), help="where the networks run")
    add("--out", metavar="FILE", help="the tables as Markdown (with --peers: benchmarks.md)")
    add("--json", metavar="FILE", help="everything measured")
    add("--overwrite", action="store_true", help="write over files that exist")
    add("--peers", action="store_true", help="other trackers beside ours, as a page of Markdown")
    add("--dataset", metavar="DIR", help="with --peers: sequences to score them on")
    add("--peer", action="append", default=[], metavar="NAME=PYTHON",
        help="with --peers: interpreter that has trackers, norfair or boxmot")  # fmt: skip
    add("--results", metavar="DIR", help="with --peers: keep everybody's MOT files")
    parser.set_defaults(check=_check_bench)


def _add_export(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--predictor", choices=PREDICTORS[:-2], help="shipped motion model; a trained file is "
        "named with --tracker.predictor")  # fmt: skip
    add("--out", required=True, metavar="FILE.onnx", help="the file")
    add("--overwrite", action="store_true", help="write over a file that exists")


def _add_simulate(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--dataset", metavar="DIR", help="sequences with ground truth")
    source.add_argument("--walkers", type=_natural, metavar="N", help="N made-up sequences of "
        "people who walk, under still and moving cameras")  # fmt: skip
    add("--split", metavar="NAME", help="only sequences below a folder of this name, as val")
    add("--every", type=_natural, default=1, metavar="N", help="play every N-th frame (1)")
    add("--backwards", action="store_true", help="play from the last frame to the first")
    add("--like", required=True, metavar="DIR", help="other sequences, with gt and det, whose "
        "detector's errors are copied")  # fmt: skip
    add("--out", required=True, metavar="DIR", help="gets each sequence with its det/det.txt")
    add("--seed", type=_natural, default=0, metavar="N", help="of the errors, and of walkers (0)")
    add("--overwrite", action="store_true", help="write over sequences that exist")
    parser.set_defaults(check=_check_simulate)


def _add_submit(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--dataset", required=True, choices=("dancetrack", "sportsmot"), help="which server")
    add("--results", required=True, metavar="DIR", help="MOT files NAME.txt of its test sequences")
    add("--data", metavar="DIR", help="folder of the test set, for its names and lengths; needed "
        "for sportsmot")  # fmt: skip
    add("--out", metavar="FILE", help="the archive (default: tracker.zip or sportsmot.zip)")
    add("--overwrite", action="store_true", help="write over an archive that exists")


def _add_dataset(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--dataset", required=True, metavar="DIR", help="DanceTrack, SportsMOT, MOT17, MOT20, ...")
    add("--split", metavar="NAME", help="only sequences below a folder of this name, as val")
    add("--half", choices=("second",), help="only the second half of each sequence")


def _add_detector(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--detector", help="motion, yolox, rtmdet, file, or a named model as yolox_s; default: "
        "motion, and each det/det.txt of a data set")  # fmt: skip
    add("--weights", help="ONNX file of yolox and rtmdet, det.txt of file")
    add("--classes", help="names or numbers to keep, as person,car")
    add("--conf", help="lowest detection score")
    add("--device", choices=("auto", "cpu", "cuda"), help="where the motion model runs")


def _add_engine(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--workers", type=_count, default=1, metavar="N", help="sequences at the same time")
    add("--engine", choices=("processes", "ray"), default="processes", help="what runs them")
    add("--address", metavar="ADDR", help="of a running Ray cluster, or auto")


def _count(text: str) -> int:
    return _at_least(1, text)


def _natural(text: str) -> int:
    return _at_least(0, text)


def _at_least(low: int, text: str) -> int:
    if not text.isdecimal() or int(text) < low:
        raise argparse.ArgumentTypeError(f"expected a whole number from {low} on, found {text!r}")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _check_track(options: argparse.Namespace) -> None:
    """Refuses combinations of which one part would be ignored."""
    if (options.source is None) == (options.dataset is None):
        options.parser.error("give a SOURCE, or a folder of sequences with --dataset")
    if options.dataset is not None:
        if options.out is None:
            options.parser.error("--dataset DIR and --out DIR go together")
        _refuse(options, SOURCE_ONLY, "goes with a SOURCE; --dataset writes MOT text and JSON "
                "Lines of each sequence into --out")  # fmt: skip
    elif videos.is_video_folder(options.source):
        videos.check(options)
    else:
        videos.check(options)
        _refuse(options, DATASET_ONLY, "goes with --dataset or a folder of videos")
    pipe.check(options)
    if options.revise and not options.jsonl:
        options.parser.error("--revise goes with --jsonl")
    if options.offline:
        _refuse(options, ("revise", "forecast"), "does not go with --offline, which knows what "
                "follows and fills every gap")  # fmt: skip
    _check_engine(options)


def _check_eval(options: argparse.Namespace) -> None:
    given = [name for name in RESULTS if getattr(options, name) is not None]
    if len(given) > 1:
        options.parser.error("give only one of --results, --trackers and --predictor")
    if options.results or options.trackers:
        _refuse(options, TRACKING, "is for tracking, but there are results to score")
    _check_engine(options)


def _refuse(options: argparse.Namespace, names: Iterable[str], reason: str) -> None:
    """Usage error for the first of the options that is not at its default."""
    for name in names:
        if getattr(options, name) != options.parser.get_default(name):
            options.parser.error(f"--{name} {reason}")


def _check_bench(options: argparse.Namespace) -> None:
    if options.peers:
        _refuse(options, ("predictors", "objects", "json", "device"), "does not go with --peers")
    else:
        _refuse(options, ("dataset", "peer", "results"), "goes with --peers")


def _check_engine(options: argparse.Namespace) -> None:
    if options.address is not None and options.engine != "ray":
        options.parser.error("--address goes with --engine ray")


def _check_simulate(options: argparse.Namespace) -> None:
    if options.split and options.walkers is not None:
        options.parser.error("--split goes with --dataset; walkers have no splits")
