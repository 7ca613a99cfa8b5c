"""A tracker's state as plain arrays and numbers, and the checks before one is taken over.

Nothing is pickled. A state fits a tracker of the same predictor, association and weights, whose
networks run in the same library (C and torch order what they carry along differently).
"""

import zipfile
import zlib
from collections.abc import Container, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.calibration import Calibration, calibration_fields
from mambatrack.association.loading import association_path
from mambatrack.camera.boxes import LOUD, BoxCamera
from mambatrack.config import TrackerConfig
from mambatrack.errors import MambatrackError, shown
from mambatrack.files import sha256_if_there
from mambatrack.motion.loading import weights_path
from mambatrack.motion.predictor import Predictor
from mambatrack.state_fields import LARGEST_COUNT
from mambatrack.track_noise import Sums, noise_fields
from mambatrack.track_table import TrackTable
from mambatrack.tracking.caution import ShownIds
from mambatrack.tracking.hypotheses import Hypotheses
from mambatrack.tracking.memory import MEMORY_COLUMNS, Memory
from mambatrack.tracking.saved_columns import (
    FILTER_COLUMNS,
    Keepers,
    check_columns,
    check_fields,
    columns_of,
    first_columns,
    require,
    restore,
    table_of,
)
from mambatrack.tracking.saved_looks import with_looks_of
from mambatrack.tracking.tracker_state import TrackerState

StateDict = dict[str, NDArray | int | float | str]
VERSION = 2
COUNTS = {  # with the least and the most that each may be
    "next_id": (1, LARGEST_COUNT), "frame": (0, LARGEST_COUNT), "dropped": (0, LARGEST_COUNT),
    "started": (0, LARGEST_COUNT), "mixed": (0, 1),
}  # fmt: skip
UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)  # of a file of numpy that is damaged
FURTHER = {
    "clock",
    "noise",
    "behind",
    "likelihoods",
    "timed",
    "camera_evidence",
    "similarities",
    "cuts",
} | set(MEMORY_COLUMNS)
RENAMED = {"MambaPredictor": "WindowPredictor"}  # kinds as older states name them


def layout_of(part: Any) -> str:
    """What orders the floats of a predictor's or an association's state: its kind, and that of the
    network that carries some of them along; or what it says itself, where another kind orders them
    alike."""
    if hasattr(part, "state_layout"):
        return str(part.state_layout)
    network = getattr(part, "network", None) or getattr(part, "encoder", None)
    kinds = [type(part).__name__] + ([type(network).__name__] if network is not None else [])
    return "/".join(kinds)


def weights_of(config: TrackerConfig) -> dict[str, str]:
    """SHA-256 of the configured weights, "" where there are none."""
    paths = {
        "predictor": weights_path(config.predictor), "association": association_path(config),
    }  # fmt: skip
    return {f"{name}_sha256": sha256_if_there(path) for name, path in paths.items()}


def packed(state: TrackerState, origin: Mapping[str, str], predictor: Predictor) -> StateDict:
    """origin: what the state is of: layout_of predictor and association, and weights_of."""
    hypotheses = state.hypotheses
    values: StateDict = {
        "version": VERSION, **origin, "next_id": hypotheses.table.next_id, "frame": state.frame,
        "dropped": state.dropped, "started": hypotheses.started,
        "mixed": int(hypotheses.table.mixed),
    }  # fmt: skip
    if state.clock is not None:
        values["clock"] = state.clock
    if state.behind:
        values["behind"] = state.behind
    if state.timed is not None:
        values["timed"] = np.array(state.timed, np.float64)
    if state.from_boxes.evidence:
        values["camera_evidence"] = state.from_boxes.evidence
    if state.ids.renamed:
        values["cuts"] = state.ids.columns()
    if "embedder" in origin:
        values["similarities"] = state.calibration.columns()
    if state.memory is not None:
        values |= state.memory.columns()
    values |= _of_tables(hypotheses)
    for number, table in enumerate(hypotheses.tables):
        columns = columns_of(table, predictor)
        values |= {_prefix(number) + name: array for name, array in columns.items()}
    return values


def _of_tables(hypotheses: Hypotheses) -> StateDict:
    """What all of them have beside their columns."""
    values: StateDict = {}
    noise = [table.noise for table in hypotheses.tables if table.noise is not None]
    if np.any(noise):
        values["noise"] = np.stack(noise)
    if len(hypotheses.tables) > 1:
        values["likelihoods"] = np.array(hypotheses.likelihoods)
    return values


def unpacked(
    values: Mapping[str, Any],
    origin: Mapping[str, str],
    like: TrackTable,
    most: int,
    keepers: Keepers,
    memory: Memory | None = None,
) -> TrackerState:
    """The state that packed() gave. like: a table of the same columns; most: hypotheses; keepers:
    who keeps the columns "motion" and "memory"; memory: a new one, None where nothing is kept.
    Raises MambatrackError where it does not fit or is damaged."""
    values, own = _in_memory(values), columns_of(like, keepers["motion"])
    likelihoods = _likelihoods(values.get("likelihoods", np.zeros(1)), most)
    prefixes = list(map(_prefix, range(len(likelihoods))))
    width = own["looks"].shape[1] if "looks" in own else 0
    values = with_looks_of(values, origin, width, prefixes)
    _check_origin(values, origin)
    known = {"version", *COUNTS, *origin}
    known |= {prefix + name for name in own for prefix in prefixes}
    values = _as_written_today(values, len(likelihoods), own)
    require(not known - set(values), f"without {', '.join(sorted(known - set(values)))}")
    extra = set(values) - known - FURTHER
    require(not extra, f"with unknown entries: {', '.join(sorted(map(str, extra)))}")
    counts = {name: _count(name, values[name]) for name in COUNTS}
    clock, behind = values.get("clock"), values.get("behind", 0.0)
    sound = clock is None or (isinstance(clock, float) and np.isfinite(clock))
    require(sound, f"with the clock at {clock!r}")
    sound = isinstance(behind, float) and np.isfinite(behind)
    require(sound, f"with a clock that was set back by {behind!r}")
    evidence = values.get("camera_evidence", 0.0)
    sound = isinstance(evidence, float) and 0 <= evidence <= LOUD
    require(sound, f"with camera_evidence {evidence!r}")
    columns = [
        {name: values[_prefix(number) + name] for name in own} for number in range(len(likelihoods))
    ]
    for each in columns:
        check_columns(each, own, counts["next_id"], keepers)
    restore(columns, keepers["motion"])
    noise = _noise(values.get("noise"), len(columns))
    tables = [table_of(each, counts, like, own) for each, own in zip(columns, noise, strict=True)]
    hypotheses = Hypotheses(tables, likelihoods, counts["started"])
    timed, camera = _timed(values.get("timed"), counts["frame"]), BoxCamera(evidence)
    state = TrackerState(
        hypotheses, counts["frame"], counts["dropped"], clock, behind, timed=timed,
        from_boxes=camera,
        ids=_shown_ids(values.get("cuts", np.zeros((0, 3), np.int64)), hypotheses.table),
        calibration=_calibration(values, origin), memory=memory,
    )  # fmt: skip
    if memory is not None:  # last, as its gallery may be that of other trackers too
        memory.load(values, hypotheses.table, clock)
    return state


def _in_memory(values: Any) -> Mapping[str, Any]:
    """The entries; of what numpy.load gives they are read now, and numbers are numbers again."""
    require(isinstance(values, Mapping), f"of type {type(values).__name__}, not a dictionary")
    try:
        entries = dict(values.items())
    except UNREADABLE as error:
        raise MambatrackError(f"this state cannot be read: {error}") from None
    return {
        name: each.item() if isinstance(each, np.ndarray) and each.ndim == 0 else each
        for name, each in entries.items()
    }


def _as_written_today(
    values: Mapping[str, Any], tables: int, own: Container[str]
) -> Mapping[str, Any]:
    """With the columns that an older state lacks; those of a filter if they are the table's own."""
    today: dict[str, Any] = dict(values)
    for prefix in map(_prefix, range(tables)):
        names = [name for name in values if name.startswith(prefix)]
        given = {name.removeprefix(prefix): today.pop(name) for name in names}
        columns = {**first_columns(given), **given}
        today |= {
            prefix + name: each
            for name, each in columns.items()
            if name in own or name not in FILTER_COLUMNS
        }
    return today


def _noise(given: Any, tables: int) -> list[Sums | None]:
    """given [T, 6, 4]: of each table, None where nothing is known; [T, 4, 4] of an older state."""
    if given is None:
        return [None] * tables
    sound = isinstance(given, np.ndarray) and given.dtype == np.float64
    sound = sound and given.shape in ((tables, 4, 4), (tables, 6, 4))
    require(sound, f"with noise {given!r:.80}")
    given = np.pad(given, [(0, 0), (0, 6 - given.shape[1]), (0, 0)])
    for each in given:
        check_fields(noise_fields(each))
    return list(given)


def _prefix(number: int) -> str:
    """Of the columns of a hypothesis' table; number 0 is the one that is put out."""
    return f"rival{number}.tracks." if number else "tracks."


def _likelihoods(given: Any, most: int) -> list[float]:
    sound = isinstance(given, np.ndarray) and given.ndim == 1 and given.dtype == np.float64
    sound = sound and bool(np.isfinite(given).all()) and len(given) >= 1 and given[0] == 0
    sound = sound and bool((given[1:] <= given[:-1]).all())
    require(sound, f"with likelihoods {given!r:.80}")
    require(len(given) <= most, f"with {len(given)} hypotheses, more than {most}")
    return given.tolist()


def _shown_ids(given: Any, table: TrackTable) -> ShownIds:
    """given [K, 3]: as ShownIds.columns() gives it."""
    sound = isinstance(given, np.ndarray) and given.dtype == np.int64
    sound = sound and given.ndim == 2 and given.shape[1] == 3
    require(sound, f"with cuts {given!r:.80}")
    old, now, ages = given.T
    sound = bool(np.isin(old, table["ids"]).all() and len(np.unique(old)) == len(old))
    sound = sound and len(np.unique([*now, *table["ids"]])) == len(now) + len(table)
    sound = sound and bool(((now > old) & (now < table.next_id)).all())
    require(sound, f"with cuts {given.tolist()!r:.80} of tracks that cannot be")
    require(bool((ages >= 0).all()), f"with cuts {given.tolist()!r:.80} before the tracks began")
    return ShownIds(
        dict(zip(old.tolist(), zip(now.tolist(), ages.tolist(), strict=True), strict=True))
    )


def _calibration(values: Mapping[str, Any], origin: Mapping[str, str]) -> Calibration:
    if "embedder" not in origin:
        return Calibration()
    given: Any = values.get("similarities")
    sound = isinstance(given, np.ndarray) and given.shape == (2, 3) and given.dtype == np.float64
    require(sound, f"with similarities {given!r:.80}")
    check_fields(calibration_fields(given))
    return Calibration.of(given)


def _timed(given: Any, frames: int) -> tuple[int, float] | None:
    if given is None:
        return None
    sound = isinstance(given, np.ndarray) and given.shape == (2,) and given.dtype == np.float64
    sound = sound and bool(np.isfinite(given).all()) and 0 <= given[0] < max(frames, 1)
    require(sound, f"with the first time at {given!r:.80}")
    return int(given[0]), float(given[1])


def _check_origin(values: Mapping[str, Any], origin: Mapping[str, str]) -> None:
    version = values.get("version")
    require(type(version) is int and version == VERSION, f"of version {version!r}, not {VERSION}")
    known = "embedder" in origin or "embedder" not in values
    given = f"the embedder {values.get('embedder')!r:.80}"
    require(known, f"with people whom a memory knows by {given}, and there is none now")
    for name, own in origin.items():
        found = values.get(name)
        require(isinstance(found, str), f"of {name} {found!r}, not {own!r}")
        kind, *network = str(found).split("/")
        same = "/".join([RENAMED.get(kind, kind), *network]) == own
        require(same, f"of {name} {found!r}, not {own!r}")


def _count(name: str, value: Any) -> int:
    sound = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    least, most = COUNTS[name]
    require(sound and least <= value <= most, f"with {name} {shown(value)}")
    return int(value)
