"""``mambatrack live``: sources that come and go, until the user has enough."""

import argparse
import itertools
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mambatrack.cli.arguments import (
    MOTION_MODEL,
    Command,
    add_appearance,
    add_camera,
    add_crop,
    add_detector,
    add_device,
    add_tracker,
    crop_of,
    positive,
    whole,
)
from mambatrack.cli.effects import FILE, VIDEO, Parser, model_facts, without
from mambatrack.cli.file_forms import STATE
from mambatrack.cli.live_outputs import open_outputs, open_renewal
from mambatrack.cli.named_files import ReadPath, SourcePath, StateOfTracks
from mambatrack.cli.output_files import (
    add_counting,
    add_outputs,
    horizon_of,
    with_places,
)
from mambatrack.cli.shared import FAILED, INTERRUPTED, OK, can_show, with_chosen_models
from mambatrack.cli.signals import Interruption
from mambatrack.config import Config
from mambatrack.errors import MambatrackError, counted

if TYPE_CHECKING:
    from mambatrack.counting.counter import Counter
    from mambatrack.detectors import Detector
    from mambatrack.live.session import LiveSession
    from mambatrack.live.source import LiveSource
    from mambatrack.live.state_keeper import StateKeeper
    from mambatrack.outputs.screen import Window

FRAME_RATE = 25.0  # of the motion model, where none is given: what it was trained on
SAVE_EVERY_S = 1.0  # that --state may lose


def add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("sources", nargs="+", type=SourcePath, metavar="SOURCE",
        help="webcam index, RTSP or HTTP address, or a file played at its own speed; of several "
        "sources each has its number from 0 in the names of its files")  # fmt: skip
    add("--loop", action="store_true", needs=(FILE,), help="files begin again at their end")
    add("--seconds", type=positive, metavar="S", help="stop after so many seconds")
    add("--frames", type=whole(1), metavar="N", help="stop after N tracked frames, of all sources")
    add("--state", type=StateOfTracks, form=STATE, metavar="FILE",
        help="keep the tracks there every second, and go on from "
        "them with the same ids")  # fmt: skip
    add_crop(parser)
    parser.under("tracking")
    add_tracker(parser)
    add_camera(parser)
    add_appearance(parser)
    add_device(parser, MOTION_MODEL)
    parser.under("detector")
    add_detector(parser, sets=False)
    parser.under("outputs")
    add_outputs(parser)
    add("--lag", type=whole(0), default=0, metavar="N",
        needs=("--output", "--mot", "--jsonl", "--csv"), help="files N frames late and in their "
        "final version, with gaps filled from both ends; windows and page do not wait")  # fmt: skip
    add("--renew", type=positive, metavar="HOURS", needs=("--output", "--mot", "--jsonl", "--csv"),
        help="begin these files anew every so many hours, from midnight on; the time is in their "
        "names, as tracks-%%Y%%m%%d-%%H%%M.jsonl")  # fmt: skip
    parser.under("counting")
    add_counting(parser)
    parser.under("page")
    add("--serve", action="store_true", help="a page to watch in a browser")
    page = partial(add, needs=("--serve",))
    page("--host", default="127.0.0.1",
        help="address of the page (127.0.0.1); another needs a token")  # fmt: skip
    page("--port", type=whole(0, 65535), default=8000, metavar="N",
        help="of the page (8000); 0 is any free one")  # fmt: skip
    page("--token", help="password of the page; others on this machine see it in the list of "
        "processes, so better: --token-file, or the environment variable MAMBATRACK_TOKEN"
    )  # fmt: skip
    page("--token-file", type=ReadPath, metavar="FILE",
        help="file whose first line is the password of the page")  # fmt: skip
    parser.set_defaults(check=_check, facts=_facts)


def run(options: argparse.Namespace, config: Config) -> int:
    """Tracks until every source has ended, the user stops it, or --seconds or --frames are over."""
    from mambatrack.embedders.loading import configured_embedder
    from mambatrack.live.session import LiveSession
    from mambatrack.runs.source_run import refuse_offline
    from mambatrack.sources.opencv import quiet
    from mambatrack.tracking.group import TrackerGroup

    refuse_offline(config, "a live source")
    count = len(options.sources)
    show = options.show and can_show()
    renewal, paths = open_renewal(options)
    sources = _open_sources(options)
    config = with_chosen_models(with_places(options, _timed(config)), options.quiet)
    _check_boxes(options, config)
    embedder = configured_embedder(config.appearance)
    group = TrackerGroup(config, count, embedder=embedder, memory=config.memory)
    session = LiveSession(
        sources, _open_detectors(config, count), group, (), horizon_of(options, config)
    )
    # what OpenCV would say of a lost stream is in its status; the files are closed last
    with quiet(), ExitStack() as stack, session:
        if options.serve:
            _open_page(session, options, config)
        keeper = _open_state(session, options, stack) if options.state else None
        windows, counters = open_outputs(session, renewal, config, options.lag, show, stack)
        interrupted = _go(session, options, windows, keeper)
        statuses = session.statuses
    if not options.quiet:
        _print_summary(session, counters, paths)
    failed = [each for each in statuses if each.error or not each.frames]
    for each in failed:
        print(f"error: {each.name}: {each.error or 'it gave no frame'}", file=sys.stderr)
    return INTERRUPTED if interrupted else FAILED if failed else OK


def _check(options: argparse.Namespace) -> None:
    if options.token is not None and options.token_file is not None:
        options.parser.error("--token and --token-file: give one of them")
    if options.forecast and options.lag and not (options.show or options.serve):
        options.parser.error(without("--forecast with --lag", ["--show", "--serve"]))
    if options.serve and options.quiet:
        from mambatrack.live.web.access import given_token, is_loopback

        told = given_token(options.token, options.token_file) is not None
        if not told and not is_loopback(options.host):
            options.parser.error("--quiet would not tell the token of the page; use --token-file")


def _check_boxes(options: argparse.Namespace, config: Config) -> None:
    """A det.txt has the boxes of one video, by the numbers of its frames."""
    from mambatrack.live.source import is_local

    one = len({os.path.realpath(each) for each in options.sources}) == 1 and not options.loop
    one = one and is_local(options.sources[0])
    if config.detector.name == "file" and not one:
        raise MambatrackError(
            f"{config.detector.weights} has the boxes of one pass through one video; leave out "
            "--loop and other sources, or name a --detector that finds boxes in pictures"
        )


def _facts(options: argparse.Namespace, config: Config) -> Iterator[str]:
    """That every source is a video, and whether one is a file."""
    yield from model_facts(options, config)
    yield VIDEO
    if options.loop:
        from mambatrack.live.source import is_local

        if any(map(is_local, options.sources)):
            yield FILE


def _timed(config: Config) -> Config:
    """Time stamps count: frames are dropped and cameras are slow."""
    rate = config.tracker.frame_rate or FRAME_RATE
    return replace(config, tracker=replace(config.tracker, frame_rate=rate))


def _open_sources(options: argparse.Namespace) -> "list[LiveSource]":
    """Not started yet; every name is another one."""
    from mambatrack.live.source import LiveSource, name_of

    names: list[str] = []
    for plain in map(name_of, options.sources):
        others = (f"{plain} #{count}" for count in itertools.count(2))
        names.append(next(name for name in itertools.chain([plain], others) if name not in names))
    return [
        LiveSource(text, name, options.loop, crop=crop_of(options))
        for text, name in zip(options.sources, names, strict=True)
    ]


def _open_detectors(config: Config, count: int) -> "list[Detector]":
    """A network serves all sources; one that remembers what it saw is each source's own."""
    from mambatrack.detectors import open_detector

    first = open_detector(config.detector)
    if config.detector.name != "motion":
        return [first] * count
    return [first, *(open_detector(config.detector) for _ in range(count - 1))]


def _open_page(session: "LiveSession", options: argparse.Namespace, config: Config) -> None:
    from mambatrack.live.web.access import given_token
    from mambatrack.live.web.server import serve

    token = given_token(options.token, options.token_file)
    names = [source.name for source in session.sources]
    page = serve(session, names, options.host, options.port, token, drawing=config.drawing)
    session.observers.append(page)
    if not options.quiet:
        print(f"watch at {page.url}", flush=True)


def _open_state(
    session: "LiveSession", options: argparse.Namespace, stack: ExitStack
) -> "StateKeeper":
    """Goes on from the file, and starts the sources."""
    from mambatrack.live.state_keeper import StateKeeper
    from mambatrack.tracking.state_file import StateFile

    file = StateFile(options.state, SAVE_EVERY_S)
    keeper = StateKeeper(file, session.sources, session.group.trackers)
    known = keeper.resume()
    stack.enter_context(closing(keeper))
    if known and not options.quiet:
        print(
            f"goes on with the tracks of {counted(known, 'source')} in {options.state}", flush=True
        )
    return keeper


def _go(
    session: "LiveSession", options: argparse.Namespace, windows: "list[Window]",
    keeper: "StateKeeper | None",
) -> bool:  # fmt: skip
    """Tracks to the end -> whether it was a signal that ended it."""
    from mambatrack.live.status_line import StatusLine
    from mambatrack.outputs.screen import WindowClosed

    end = time.monotonic() + (options.seconds or float("inf"))
    with Interruption() as interruption, StatusLine(options.quiet) as line:

        def wanted() -> bool:
            for window in windows:
                window.poll()
            line.update(session.statuses, session.paused)
            if keeper is not None:
                keeper.turn()
            enough = options.frames is not None and session.frames >= options.frames
            return not (interruption or enough or time.monotonic() >= end)

        with suppress(WindowClosed):
            session.run(wanted)
        return bool(interruption)


def _print_summary(session: "LiveSession", counters: "list[Counter]", paths: list[Path]) -> None:
    from mambatrack.counting.output import summary

    for number, status in enumerate(session.statuses):
        ids = session.group.trackers[number].started
        done = f"{counted(status.frames, 'frame')}, {counted(ids, 'id')}"
        parts = [f"{status.name}: {done}", f"{status.dropped} dropped"]
        if session.sources[number].skipped:
            parts.append(f"{session.sources[number].skipped} damaged")
        if status.reconnects:
            parts.append(f"{counted(status.reconnects, 'time')} lost and back")
        print(", ".join(parts))
        if status.camera:
            print(f"  {status.camera}")
        if status.problem:
            print(f"  {status.problem}")
        appearance = session.group.trackers[number].appearance
        if appearance is not None and appearance.boxes:
            print(f"  {appearance}")
        for line in summary(counters[number]) if counters else ():
            print(f"  {line}")
    written = [str(path) for path in paths if path.exists()]
    if written:
        print(f"wrote {', '.join(written)}")


def _extras(options: argparse.Namespace) -> list[str]:
    return ["web"] if options.serve else []


HELP = "track webcams, streams and files as they come"
LIVE = Command("live", HELP, add_arguments, run, extras=_extras)
