"""The protocol of motion models: a function of state that owns no track."""

import inspect
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.boxes import Boxes, own_size
from mambatrack.camera.transforms import Transform
from mambatrack.errors import MambatrackError
from mambatrack.state_fields import Field

State = NDArray[np.float32]


class Predictor(Protocol):
    """Motion of many tracks at once. Every method is one call for all of them, and works in place.

    The tracker keeps the state of N tracks as rows of an array [N, S] float32, and hands it in;
    nothing of a track may be kept elsewhere. Boxes are cxcywh, pixels, float32. N may be 0.

    A model of your own derives from this class and writes the first three methods. In each frame
    the tracker calls predict() for all tracks, then correct() for those that were seen: a track
    that was not keeps its prediction as what happened.

    state_size: S, floats per track
    image_size: (width, height) of the picture where predictions depend on it, kept up to date by
        the tracker; None where they do not. Trackers that share a model share its calls where this
        is equal.
    """

    state_size: int
    image_size: tuple[int, int] | None = None

    def start(self, boxes: Boxes) -> State:
        """First observed boxes [N, 4] -> state of the new tracks [N, S]."""
        ...

    def predict(self, state: State) -> tuple[Boxes, Boxes]:
        """Moves the state [N, S] one frame on in place, the prediction taken as what happened ->
        predicted boxes [N, 4], which share no memory with the state, and their spread [N, 4] (of
        cx, cy, w, h in pixels: 68 % of the true values are nearer; 0 where it is not known)."""
        ...

    def correct(self, state: State, rows: Indices, boxes: Boxes) -> None:
        """In place, after predict(): the tracks ``rows`` [K] of the state [N, S] were seen at
        ``boxes`` [K, 4], in place of what was predicted for them."""
        ...

    def state_fields(self, kept: State) -> Sequence[Field]:
        """What the floats of a saved state [N, S] may be, so that one that cannot be is refused.
        May be omitted: all that are finite."""
        return ()

    def saved(self, state: State) -> State:
        """The state [N, S] as a state file has it, [N, .]: whole, where rows only say where the
        rest is. May be omitted: as it is."""
        return state

    def restored(self, saved: State) -> State:
        """What saved() gave [N, .] -> the state [N, S]. May be omitted with saved()."""
        return saved

    def move(self, state: State, transform: Transform) -> None:
        """In place, after predict(): the camera moved, and every place in the state [N, S] is
        where ``transform`` [3, 3] puts it (camera/transforms.py). May be omitted: the predictor is
        then for a camera that stands."""
        check_movable(self)


def is_movable(predictor: Predictor) -> bool:
    """Whether it is for a camera that moves."""
    return getattr(type(predictor), "move", None) is not Predictor.move


def check_movable(predictor: Predictor) -> None:
    """Raises MambatrackError where the predictor is for a camera that stands."""
    if not is_movable(predictor):
        raise MambatrackError(
            f"the predictor {type(predictor).__name__} has no move(state, transform); write it, or "
            "track without a moving camera"
        )


def checked_predictor(predictor: Predictor) -> Predictor:
    """The same predictor. Raises MambatrackError where it does not follow the protocol."""
    name = type(predictor).__name__
    wanted = (
        "derive it from mambatrack.motion.predictor.Predictor, which says what each method does"
    )
    for member in ("state_size", "image_size", "start", "predict", "correct", "move"):
        if not hasattr(predictor, member):
            raise MambatrackError(f"the predictor {name} has no {member}; {wanted}")
    nobody = np.zeros((0, 4), np.float32)
    state = predictor.start(nobody)
    shape = (0, predictor.state_size)
    if not isinstance(state, np.ndarray) or state.shape != shape or state.dtype != np.float32:
        raise MambatrackError(
            f"the predictor {name} starts no tracks with {_described(state)}; expected an array of "
            f"shape {shape} float32 (state_size is {predictor.state_size})"
        )
    try:
        inspect.signature(predictor.correct).bind(state, np.zeros(0, np.int64), nobody)
    except TypeError:
        raise MambatrackError(
            f"the predictor {name} has correct{inspect.signature(predictor.correct)}; expected "
            f"correct(state, rows, boxes), which changes these rows of the state in place: {wanted}"
        ) from None
    moved: Any = predictor.predict(state)
    if not isinstance(moved, tuple) or len(moved) != 2:
        raise MambatrackError(
            f"predict() of the predictor {name} returns {_described(moved)}; expected boxes and "
            f"their spread alone, and the state moved on in place: {wanted}"
        )
    return predictor


def _described(value: Any) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} values"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} {value.dtype}"
    return type(value).__name__


def spread_after(measured: Boxes, gaps: NDArray, boxes: Boxes) -> Boxes:
    """measured [H, 4] after 1..H frames, as a share of the size; gaps [N] frames -> [N, 4] pixels.

    Grows as measured, and beyond the longest measured gap with its square root.
    """
    horizon = len(measured)
    spread: Boxes = measured[np.minimum(gaps, horizon).astype(np.int64) - 1] * own_size(boxes)
    if gaps.max(initial=0) > horizon:
        spread *= np.sqrt(np.maximum(gaps / horizon, 1, dtype=np.float32))[:, None]
    return spread
