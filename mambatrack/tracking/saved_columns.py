"""The columns of a table of tracks as a saved state has them, and their checks."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.looks import looks_fields
from mambatrack.association.interface import Association
from mambatrack.errors import MambatrackError
from mambatrack.motion.predictor import Predictor
from mambatrack.state_fields import Field
from mambatrack.track_columns import column_fields
from mambatrack.track_noise import Sums
from mambatrack.track_observation import FILTER
from mambatrack.track_table import TrackTable

FILTER_COLUMNS = ("filter", "unfiltered")
Keepers = Mapping[str, Predictor | Association]  # of the columns "motion" and "memory"


def columns_of(table: TrackTable, predictor: Any) -> dict[str, NDArray]:
    """Copies of the columns of a table, as a state has them."""
    columns = table.columns()
    if hasattr(predictor, "saved"):
        columns["motion"] = predictor.saved(columns["motion"])
    return columns


def first_columns(given: Mapping[str, Any]) -> dict[str, NDArray]:
    """What an older state lacks, as far as it follows from its columns ``given``, be they what they
    may: at least, a track is as old as it has detections; nobody was seen before; and a filter
    starts where the tracks are."""
    columns: dict[str, NDArray] = {}
    hits, last, boxes = given.get("hits"), given.get("last"), given.get("boxes")
    if isinstance(hits, np.ndarray):
        columns |= {"age": hits, "streak": np.zeros_like(hits)}
    if isinstance(last, np.ndarray) and last.ndim == 2:
        columns |= {"before": last, "bends": np.zeros((len(last), 8), np.float32)}
    if isinstance(boxes, np.ndarray) and boxes.ndim == 2 and boxes.shape[1] == 4:
        columns |= {"filter": FILTER.start(boxes), "unfiltered": boxes}
    return columns


def check_columns(
    columns: dict[str, Any], own: Mapping[str, NDArray], next_id: int, keepers: Keepers
) -> None:
    """Raises MambatrackError where they do not fit the columns ``own``, or are of no table that can
    be. next_id: above all ids."""
    _check_kinds(columns, own, next_id)
    check_fields(column_fields(columns))
    for name, keeper in keepers.items():
        if hasattr(keeper, "state_fields"):
            check_fields(keeper.state_fields(columns[name]))
    if "looks" in columns:
        check_fields(looks_fields(columns["looks"]))


def restore(tables: list[dict[str, Any]], predictor: Any) -> None:
    """The motion of all tables becomes the predictor's, who holds nothing of them before."""
    if hasattr(predictor, "restored"):
        motions = [columns["motion"] for columns in tables]
        ends = np.cumsum([len(each) for each in motions])[:-1]
        parts = np.split(predictor.restored(np.concatenate(motions)), ends)
        for columns, part in zip(tables, parts, strict=True):
            columns["motion"] = part


def table_of(
    columns: dict[str, NDArray], counts: Mapping[str, int], like: TrackTable, noise: Sums | None
) -> TrackTable:
    """The table with these columns; counts: next_id, and whether it is mixed, as of a state; noise:
    of its stream, for a table that is steadied as ``like``."""
    widths = {name: columns[name].shape[1] for name in ("motion", "memory")}
    looks_size = columns["looks"].shape[1] if "looks" in columns else 0
    steady = like.noise is not None
    table = TrackTable(
        widths["motion"], widths["memory"], looks_size=looks_size, steady=steady,
        filtered="filter" in like,
    )  # fmt: skip
    table.take_noise(noise)
    mixed = bool(counts["mixed"]) or bool(columns["votes"][:, 1:].any())
    table.load(columns, counts["next_id"], mixed)
    return table


def _check_kinds(given: Mapping[str, Any], own: Mapping[str, NDArray], next_id: int) -> None:
    """given: columns by name, of the same kinds as ``own``, and of a table that can be."""
    rows = len(given["ids"]) if np.ndim(given["ids"]) == 1 else -1
    for name, column in own.items():
        array, shape = given[name], (rows, *column.shape[1:])
        fits = (
            isinstance(array, np.ndarray) and array.shape == shape and array.dtype == column.dtype
        )
        found = f"{array.shape} {array.dtype}" if isinstance(array, np.ndarray) else repr(array)
        hint = "" if isinstance(array, np.ndarray) else ", a numpy array as state_dict() gives it"
        require(fits, f"with {name} {found[:80]}, not {shape} {column.dtype}{hint}")
        require(bool(np.isfinite(array).all()), f"with numbers in {name} that are not finite")
    ids = given["ids"]
    ordered = bool((ids[1:] > ids[:-1]).all() and (ids >= 1).all() and (ids < next_id).all())
    require(ordered, f"with ids that are not ascending from 1 to below {next_id}")


def check_fields(fields: Sequence[Field]) -> None:
    """Raises MambatrackError where a number is none that it may be."""
    for field in fields:
        fault = field.fault()
        require(not fault, f"with {fault}")


def require(sound: bool, found: str) -> None:
    """Raises MambatrackError, which says what was ``found``, unless that is sound."""
    if not sound:
        raise MambatrackError(
            f"this state does not fit: it is {found}; use it with the version, settings and "
            "weights that it was saved with, or start without it"
        )
