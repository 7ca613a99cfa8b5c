"""A tracker's state as plain arrays and numbers, and the checks before one is taken over.

Nothing is pickled. A state fits a tracker of the same predictor, association and weights, whose
networks run in the same library (C and torch order what they carry along differently).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.association.learned import association_path
from mambatrack.errors import MambatrackError
from mambatrack.files import sha256
from mambatrack.motion.loading import weights_path
from mambatrack.track_table import TrackTable

if TYPE_CHECKING:
    from mambatrack.tracking.tracker import Tracker

StateDict = dict[str, NDArray | int | float | str]
VERSION = 2
COUNTS = ("next_id", "frame", "dropped", "started", "mixed")
MOST = 2**62


def layout_of(part: Any) -> str:
    """What orders the floats of a predictor's or an association's state: its kind, and that of the
    network that carries some of them along."""
    network = getattr(part, "network", None) or getattr(part, "encoder", None)
    names = [type(part).__name__] + ([type(network).__name__] if network is not None else [])
    return "/".join(names)


def weights_of(tracker: "Tracker") -> dict[str, str]:
    """SHA-256 of the configured weights, "" where there are none."""
    config = tracker.config
    paths = {
        "predictor": weights_path(config.predictor), "association": association_path(config),
    }  # fmt: skip
    return {f"{name}_sha256": _digest(path) for name, path in paths.items()}


def state_of(tracker: "Tracker") -> StateDict:
    table = tracker.table
    state: StateDict = {
        "version": VERSION, **tracker.layout, **tracker.weights, "next_id": table.next_id,
        "frame": tracker.frame, "dropped": tracker.dropped, "started": tracker.started,
        "mixed": int(table.mixed),
    }  # fmt: skip
    if tracker.clock is not None:
        state["clock"] = tracker.clock
    if tracker.rivals:
        state["likelihoods"] = np.array(tracker.likelihoods)
    for number, each in enumerate([table, *tracker.rivals]):
        state |= {_prefix(number) + name: array for name, array in each.columns().items()}
    return state


def restore(tracker: "Tracker", state: Mapping[str, Any]) -> None:
    """Takes ``state`` over. Raises MambatrackError, with the tracker as it was, where it does not
    fit or is damaged."""
    _check_origin(tracker, state)
    own = tracker.table.columns()
    likelihoods = _likelihoods(state.get("likelihoods", np.zeros(1)), tracker)
    known = {"version", *COUNTS, *tracker.layout, *tracker.weights}
    known |= {_prefix(number) + name for name in own for number in range(len(likelihoods))}
    _require(not known - set(state), f"without {', '.join(sorted(known - set(state)))}")
    extra = set(state) - known - {"clock", "likelihoods"}
    _require(not extra, f"with unknown entries: {', '.join(sorted(map(str, extra)))}")
    counts = {name: _count(name, state[name]) for name in COUNTS}
    clock = state.get("clock")
    sound = clock is None or (isinstance(clock, float) and np.isfinite(clock))
    _require(sound, f"with the clock at {clock!r}")
    tables = []
    for number in range(len(likelihoods)):
        columns = {name: state[_prefix(number) + name] for name in own}
        _check_columns(columns, own, counts["next_id"])
        tables.append(TrackTable(tracker.predictor.state_size, tracker.association.memory_size))
        mixed = bool(counts["mixed"]) or bool(columns["votes"][:, 1:].any())
        tables[number].load(columns, counts["next_id"], mixed)
    (tracker.table, *tracker.rivals), tracker.likelihoods = tables, likelihoods
    tracker.frame, tracker.dropped, tracker.clock = counts["frame"], counts["dropped"], clock
    tracker.started = counts["started"]


def _prefix(number: int) -> str:
    """Of the columns of a hypothesis' table; number 0 is the one that is put out."""
    return f"rival{number}.tracks." if number else "tracks."


def _likelihoods(given: Any, tracker: "Tracker") -> list[float]:
    sound = isinstance(given, np.ndarray) and given.ndim == 1 and given.dtype == np.float64
    sound = sound and bool(np.isfinite(given).all()) and len(given) >= 1 and given[0] == 0
    _require(sound, f"with likelihoods {given!r:.80}")
    most = tracker.config.hypotheses
    _require(len(given) <= most, f"with {len(given)} hypotheses, more than {most}")
    return given.tolist()


def _check_origin(tracker: "Tracker", state: Mapping[str, Any]) -> None:
    _require(isinstance(state, Mapping), f"of type {type(state).__name__}, not a dictionary")
    version = state.get("version")
    _require(type(version) is int and version == VERSION, f"of version {version!r}, not {VERSION}")
    for name, own in {**tracker.layout, **tracker.weights}.items():
        found = state.get(name)
        _require(isinstance(found, str) and found == own, f"of {name} {found!r}, not {own!r}")


def _check_columns(given: Mapping[str, Any], own: Mapping[str, NDArray], next_id: int) -> None:
    """given: columns by name, of the same kinds as ``own``, and of a table that can be."""
    rows = len(given["ids"]) if np.ndim(given["ids"]) == 1 else -1
    for name, column in own.items():
        array, shape = given[name], (rows, *column.shape[1:])
        fits = (
            isinstance(array, np.ndarray) and array.shape == shape and array.dtype == column.dtype
        )
        found = f"{array.shape} {array.dtype}" if isinstance(array, np.ndarray) else repr(array)
        _require(fits, f"with {name} {found[:80]}, not {shape} {column.dtype}")
        _require(bool(np.isfinite(array).all()), f"with numbers in {name} that are not finite")
    ids = given["ids"]
    ordered = bool((np.diff(ids) > 0).all() and (ids >= 1).all() and (ids < next_id).all())
    _require(ordered, f"with ids that are not ascending from 1 to below {next_id}")
    for name, least in (("hits", 1), ("gap", 0), ("det_ind", -1), ("spread", 0), ("votes", 0)):
        _require(bool((given[name] >= least).all()), f"with {name} below {least}")
    for name in ("boxes", "last"):
        _require(bool((given[name][:, 2:] > 0).all()), f"with boxes of no size in {name}")


def _count(name: str, value: Any) -> int:
    sound = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    _require(sound and int(name == "next_id") <= value < MOST, f"with {name} {value!r}")
    return int(value)


def _require(sound: bool, found: str) -> None:
    if not sound:
        raise MambatrackError(
            f"this state does not fit: it is {found}; use it with the version, settings and "
            "weights that it was saved with, or start without it"
        )


def _digest(path: Path | None) -> str:
    return sha256(path) if path is not None and path.is_file() else ""
