"""Runs one tracker on given detections in a process of its own; peers.py starts it, as a file.

    PYTHON peer_worker.py NAME DETECTIONS.npz ANSWER.npz
    PYTHON peer_worker.py NAME                            # prints the version of NAME's package

Any interpreter from Python 3.10 will do: only the standard library, numpy and the tracker's package
are loaded. Exit code 3 says that the package is not installed. An adapter uses the package's public
interface and its defaults, without images; what it converts to and from the package's types is in
its time. Tracks without an id are left out.

DETECTIONS.npz: frames [S] of each sequence, sizes [S, 2] (width, height) in pixels, and for each
    sequence i detections_i [R, 6]: frame from 1 (ascending), x1, y1, x2, y2, score
ANSWER.npz: ready_s, memory_mb, and for each sequence i milliseconds_i [frames] and rows_i [K, 6]:
    frame, id, x1, y1, x2, y2
"""

import importlib.metadata
import importlib.util
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MISSING = 3  # exit code
SCORE_FLOOR = 0.1  # no detection below it is given to any tracker

# boxes [N, 4] float32 xyxy, scores [N] float32 -> ids and boxes of the tracks seen in this frame
Update = Callable[["NDArray[np.float32]", "NDArray[np.float32]"], tuple[Any, Any]]
Make = Callable[[tuple[int, int]], Update]  # a new tracker for a picture of this width and height


class Adapter(NamedTuple):
    """package: its name on the package index and for import; setting: what is not its default."""

    package: str
    make: Make
    setting: str = ""


def ours(predictor: str, config: str | None = None) -> Make:
    def make(size: tuple[int, int]) -> Update:
        import numpy as np

        from mambatrack import Tracker, load_config

        tracker = Tracker(load_config(config, {"tracker.predictor": predictor}), image_size=size)

        def update(boxes: Any, scores: Any) -> tuple[Any, Any]:
            tracks = tracker.update(np.concatenate([boxes, scores[:, None]], axis=1))
            seen = tracks.observed
            return tracks.ids[seen], tracks.boxes[seen]

        return update

    return make


def roboflow(name: str, **options: Any) -> Make:
    def make(size: tuple[int, int]) -> Update:
        import numpy as np
        import supervision
        import trackers

        tracker = getattr(trackers, name)(**options)

        def update(boxes: Any, scores: Any) -> tuple[Any, Any]:
            labels = np.zeros(len(boxes), int)
            found = supervision.Detections(xyxy=boxes, confidence=scores, class_id=labels)
            tracks = tracker.update(found)
            if tracks.tracker_id is None:
                return [], []
            confirmed = tracks.tracker_id >= 0
            return tracks.tracker_id[confirmed], tracks.xyxy[confirmed]

        return update

    return make


def norfair(size: tuple[int, int]) -> Update:
    """A track is reported where a detection of this frame was matched, with the detection's box."""
    import norfair

    tracker = norfair.Tracker(distance_function="iou", distance_threshold=0.7)

    def update(boxes: Any, scores: Any) -> tuple[Any, Any]:
        strong = scores >= 0.5
        found = [
            norfair.Detection(points=box.reshape(2, 2), scores=score.repeat(2))
            for box, score in zip(boxes[strong], scores[strong], strict=True)
        ]
        now = set(map(id, found))
        seen = [each for each in tracker.update(found) if id(each.last_detection) in now]
        return [each.id for each in seen], [each.last_detection.points.ravel() for each in seen]

    return update


def boxmot(name: str, **options: Any) -> Make:
    """By create_tracker, as boxmot itself does: the classes alone have other defaults."""

    def make(size: tuple[int, int]) -> Update:
        import numpy as np
        from boxmot.trackers import TrackerSpec, create_tracker

        tracker = create_tracker(TrackerSpec(name, options=tuple(options.items())))
        blank = np.zeros((size[1], size[0], 3), np.uint8)

        def update(boxes: Any, scores: Any) -> tuple[Any, Any]:
            labels = np.zeros(len(boxes), np.float32)
            tracks = tracker.update(np.column_stack([boxes, scores, labels]), blank)
            return tracks[:, 4], tracks[:, :4]

        return update

    return make


def trackforge(name: str, *more: Any) -> Make:
    """more: what update() takes behind the detections."""

    def make(size: tuple[int, int]) -> Update:
        import numpy as np
        import trackforge

        tracker = getattr(trackforge, name)()

        def update(boxes: Any, scores: Any) -> tuple[Any, Any]:
            boxes[:, 2:] -= boxes[:, :2]
            found = [(*each, 0) for each in zip(boxes.tolist(), scores.tolist(), strict=True)]
            tracks = tracker.update(found, *more)
            placed = np.array([each[1] for each in tracks]).reshape(-1, 4)
            placed[:, 2:] += placed[:, :2]
            return [each[0] for each in tracks], placed

        return update

    return make


ADAPTERS = {
    "mambatrack mamba-window": Adapter("mambatrack", ours("mamba-window")),
    "mambatrack mamba": Adapter("mambatrack", ours("mamba")),
    "mambatrack kalman": Adapter("mambatrack", ours("kalman")),
    "mambatrack overlap kalman": Adapter("mambatrack", ours("kalman", "overlap")),
    "trackers SORT": Adapter("trackers", roboflow("SORTTracker")),
    "trackers ByteTrack": Adapter("trackers", roboflow("ByteTrackTracker")),
    "trackers OC-SORT": Adapter("trackers", roboflow("OCSORTTracker")),
    "trackers BoT-SORT": Adapter(
        "trackers", roboflow("BoTSORTTracker", enable_cmc=False), "no camera compensation"
    ),
    "trackers C-BIoU": Adapter("trackers", roboflow("CBIoUTracker")),
    "norfair": Adapter("norfair", norfair, "IoU distance 0.7, scores from 0.5, matched only"),
    "boxmot ByteTrack": Adapter("boxmot", boxmot("bytetrack")),
    "boxmot OC-SORT": Adapter("boxmot", boxmot("ocsort")),
    "boxmot BoT-SORT": Adapter(
        "boxmot",
        boxmot("botsort", use_cmc=False, use_embeddings=False),
        "no ReID, no camera compensation",
    ),
    "trackforge SORT": Adapter("trackforge", trackforge("SORT")),
    "trackforge ByteTrack": Adapter("trackforge", trackforge("BYTETRACK")),
    "trackforge OC-SORT": Adapter("trackforge", trackforge("OCSORT")),
    "trackforge BoT-SORT": Adapter(
        "trackforge", trackforge("BOTSORT", []), "no ReID, no camera compensation"
    ),
    "trackforge TrackTrack": Adapter(
        "trackforge", trackforge("TRACKTRACK", []), "no ReID, no camera compensation"
    ),
}


def main(arguments: list[str]) -> int:
    name, *files = arguments
    package, make, _ = ADAPTERS[name]
    if importlib.util.find_spec(package) is None:
        return MISSING
    if not files:
        print(_version(package))
        return 0
    began = time.process_time()
    make((1920, 1080))
    ready_s = time.process_time() - began

    import numpy as np

    answer: dict[str, Any] = {"ready_s": ready_s}
    with np.load(files[0], allow_pickle=False) as given:
        for index, (frames, size) in enumerate(zip(given["frames"], given["sizes"], strict=True)):
            update = make((int(size[0]), int(size[1])))
            rows, spent = _track(update, given[f"detections_{index}"], int(frames))
            answer[f"rows_{index}"], answer[f"milliseconds_{index}"] = rows, spent
    np.savez(files[1], memory_mb=memory_mb(), **answer)
    return 0


def _track(
    update: Update, detections: "NDArray[np.float64]", frames: int
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """-> (rows, milliseconds of CPU time of each update)."""
    import numpy as np

    starts = np.searchsorted(detections[:, 0], np.arange(1, frames + 2))
    boxes, scores = detections[:, 1:5].astype(np.float32), detections[:, 5].astype(np.float32)
    rows, spent = [np.zeros((0, 6))], np.zeros(frames)
    for frame, (start, stop) in enumerate(zip(starts[:-1], starts[1:], strict=True), start=1):
        given = boxes[start:stop].copy(), scores[start:stop].copy()
        began = time.process_time()
        ids, found = update(*given)
        ids, found = np.asarray(ids, float), np.asarray(found, float).reshape(-1, 4)
        spent[frame - 1] = 1000 * (time.process_time() - began)
        rows.append(np.column_stack([np.full(len(ids), frame), ids, found]))
    return np.concatenate(rows), spent


def memory_mb() -> float:
    """The most memory this process held at once. Linux' ru_maxrss would include the memory of the
    process that started this one."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            peak = next(line for line in status if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024
    except (OSError, StopIteration):
        import resource

        peak_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak_rss / (2**20 if sys.platform == "darwin" else 2**10)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"


if __name__ == "__main__":
    del sys.path[0]  # this folder, whose modules would hide packages of the same name
    sys.exit(main(sys.argv[1:]))
