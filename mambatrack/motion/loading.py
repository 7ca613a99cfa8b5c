"""Motion models behind one interface: a function of state that owns no track.

The state of N tracks is a float32 array [N, S]; the tracker stores it and hands it back. Boxes are
cxcywh in pixels here.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError

Boxes = NDArray[np.float32]
State = NDArray[np.float32]

SMALLEST = 1.0  # pixels; no prediction is narrower or lower
LOWEST = np.array([-1e7, -1e7, SMALLEST, SMALLEST], np.float32)
KINDS = ("window", "causal", "causal-back")
SHIPPED = {"mamba": "mambatrack-causal", "mamba-window": "mambatrack-window"}


class Predictor(Protocol):
    """Motion of many tracks at once; every method is one batched call and changes no argument."""

    state_size: int

    def start(self, boxes: Boxes) -> State:
        """First observed boxes [N, 4] -> state [N, S]."""
        ...

    def predict(self, state: State) -> tuple[Boxes, Boxes, State]:
        """state [N, S] -> boxes [N, 4] one frame on, their spread [N, 4] (cx, cy, w, h in pixels;
        as within a standard deviation, 68 % of the true values are nearer), and the state with that
        prediction taken as what happened."""
        ...

    def correct(self, state: State, boxes: Boxes) -> State:
        """State after predict() [N, S] and what was observed instead [N, 4] -> state [N, S]."""
        ...


class StillPredictor:
    """The box stays where it was seen: the floor for every motion model."""

    state_size = 4

    def start(self, boxes: Boxes) -> State:
        return boxes.astype(np.float32)

    def predict(self, state: State) -> tuple[Boxes, Boxes, State]:
        return state, np.zeros_like(state), state

    def correct(self, state: State, boxes: Boxes) -> State:
        return boxes.astype(np.float32)


class VelocityPredictor:
    """Constant velocity without a filter: a floor to compare with.

    The centre goes on with the mean velocity of the last ``span`` steps before it was last seen;
    the size stays. State: the last span + 1 boxes, newest last, (vx, vy), boxes in the window.
    """

    def __init__(self, span: int = 5):
        self.span = span
        self.state_size = (span + 1) * 4 + 3

    def start(self, boxes: Boxes) -> State:
        window = np.tile(boxes, (1, self.span + 1))
        return np.column_stack([window, np.tile([0, 0, 1], (len(boxes), 1))]).astype(np.float32)

    def predict(self, state: State) -> tuple[Boxes, Boxes, State]:
        boxes = state[:, -7:-3].copy()
        boxes[:, :2] += state[:, -3:-1]
        count = np.minimum(state[:, -1] + 1, self.span + 1)
        after = np.column_stack([state[:, 4:-3], boxes, state[:, -3:-1], count])
        return boxes, np.zeros_like(boxes), after

    def correct(self, state: State, boxes: Boxes) -> State:
        steps = state[:, -1:] - 1
        velocity = (boxes[:, :2] - state[:, :2]) / steps
        return np.column_stack([state[:, :-7], boxes, velocity, state[:, -1]]).astype(np.float32)


class KalmanPredictor:
    """Constant velocity on cx, cy, w, h with noise relative to the box size.

    The noise model of DeepSORT (Wojke et al., 2017) in BoT-SORT's coordinates. All matrices are
    diagonal per coordinate, so the 8 x 8 filter falls apart into four of position and velocity:
    state [N, 5, 4] is position, velocity, and the covariances pp, pv, vv of each coordinate.
    """

    state_size = 20

    def __init__(self, position_weight: float = 1 / 20, velocity_weight: float = 1 / 160):
        self.position_weight = position_weight
        self.velocity_weight = velocity_weight

    def start(self, boxes: Boxes) -> State:
        size = _own_size(boxes)
        nothing = np.zeros_like(boxes)
        pp = (2 * self.position_weight * size) ** 2
        vv = (10 * self.velocity_weight * size) ** 2
        return self._state(boxes, nothing, pp, nothing, vv)

    def predict(self, state: State) -> tuple[Boxes, Boxes, State]:
        position, velocity, pp, pv, vv = state.reshape(-1, 5, 4).transpose(1, 0, 2)
        size = _own_size(position)
        moved = as_plausible(position + velocity)
        pp = pp + 2 * pv + vv + (self.position_weight * size) ** 2
        pv = pv + vv
        vv = vv + (self.velocity_weight * size) ** 2
        return moved, np.sqrt(pp), self._state(moved, velocity, pp, pv, vv)

    def correct(self, state: State, boxes: Boxes) -> State:
        position, velocity, pp, pv, vv = state.reshape(-1, 5, 4).transpose(1, 0, 2)
        total = pp + (self.position_weight * _own_size(position)) ** 2
        gain, velocity_gain = pp / total, pv / total
        residual = boxes - position
        return self._state(
            as_plausible(position + gain * residual),
            velocity + velocity_gain * residual,
            pp - gain * pp,
            pv - gain * pv,
            vv - velocity_gain * pv,
        )

    def _state(self, *parts: NDArray) -> State:
        return np.stack(parts, axis=1).astype(np.float32).reshape(-1, self.state_size)


PLAIN: dict[str, Callable[[], Predictor]] = {
    "kalman": KalmanPredictor, "velocity": VelocityPredictor, "still": StillPredictor
}  # fmt: skip


def load_predictor(
    path_or_name: str | Path = "mamba",
    image_size: tuple[int, int] | None = None,
    device: str = "auto",
    refill_gaps: bool = False,
) -> Predictor:
    """A predictor by name (mamba, mamba-window, kalman, velocity, still) or from a .safetensors
    file.

    image_size: (width, height) in pixels, needed by networks trained on image-relative offsets.
    device: auto, cpu or cuda; auto is the C library on the CPU, and where that is not there a GPU
    if there is one. Raises MambatrackError where the file or its model card is unusable.
    """
    name = str(path_or_name)
    if name in PLAIN:
        return PLAIN[name]()
    path = weights_path(path_or_name)
    assert path is not None
    card = read_card(path)
    check_online(path, card)
    if kind_of(card) != "window":
        from mambatrack.motion import causal_predictor

        with fitting(path):
            step, spread = causal_predictor.open_network(path, device), card["spread"]
        return causal_predictor.CausalPredictor(step, spread)
    from mambatrack.motion import window_predictor

    with fitting(path):
        network, spread = window_predictor.open_network(path, device), card["spread"]
        q, unit = card["architecture"]["window"], card["normalisation"]["unit"]
    return window_predictor.MambaPredictor(network, q, unit, spread, image_size, refill_gaps)


def c_library_for(device: str) -> bool:
    """Whether networks run in the C library: where it is there, and neither ``device`` nor
    MAMBATRACK_BACKEND asks for anything else."""
    from mambatrack.kernels.cpu import library

    asked = os.environ.get("MAMBATRACK_BACKEND", "auto")
    return device != "cuda" and asked in ("auto", "cpu") and library.available()


def weights_path(path_or_name: str | Path) -> Path | None:
    """The file of a predictor's weights, of a shipped one too; None where it has none."""
    name = str(path_or_name)
    if name in PLAIN:
        return None
    if name in SHIPPED:
        return Path(__file__).parents[1] / "weights" / f"{SHIPPED[name]}.safetensors"
    return Path(path_or_name)


def new_model(kind: str, d_model: int, layers: int, d_state: int, back: int = 4) -> Any:
    """An untrained network: mamba.MotionPredictor or causal.CausalMotionPredictor; back: tokens
    that a network of kind causal-back looks back over."""
    if _known(kind) == "window":
        from mambatrack.networks.mamba import MotionPredictor

        return MotionPredictor(d_model, layers, d_state)
    from mambatrack.networks.causal import CausalMotionPredictor

    return CausalMotionPredictor(d_model, layers, d_state, back if kind == "causal-back" else 0)


def kind_of(card: dict[str, Any], kinds: tuple[str, ...] = KINDS) -> str:
    """One of ``kinds``; cards from before there were kinds are of a window."""
    return _known(str(card["architecture"].get("kind", "window")), kinds)


def _known(kind: str, kinds: tuple[str, ...] = KINDS) -> str:
    if kind not in kinds:
        raise ValueError(f"unknown kind of network {kind!r}; known are {', '.join(kinds)}")
    return kind


def back_of(card: dict[str, Any]) -> int:
    """Tokens that the network looks back over, 0 but for kind causal-back."""
    return int(card["architecture"]["back"]) if kind_of(card) == "causal-back" else 0


def check_online(path: Path, card: dict[str, Any]) -> None:
    """Raises MambatrackError for a network that sees boxes after the one it predicts."""
    if frames := card["architecture"].get("foresight"):
        raise MambatrackError(
            f"{path} needs {frames} boxes from after the frame that it predicts: it can teach "
            "another network (training.teacher), and not track"
        )


def load_model(path: Path) -> tuple[Any, dict[str, Any]]:
    """The network of a .safetensors file and its model card (the .json file beside it)."""
    from safetensors.torch import load_file

    card = read_card(path)
    with fitting(path):
        size = card["architecture"]
        model = new_model(
            kind_of(card), size["d_model"], size["layers"], size["d_state"], back_of(card)
        )
        model.load_state_dict(load_file(path))
    return model, card


def load_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """The weights of a .safetensors file by name, without torch. Raises ValueError where the model
    card tells of another size."""
    from safetensors.numpy import load_file

    weights, said = load_file(path), read_card(path)["architecture"]
    decays = [array for name, array in weights.items() if name.endswith("A_log")]
    layers = len({name.split(".")[1] for name in weights if name.startswith("blocks.")})
    found = {
        "d_model": len(weights["embed.weight"]), "layers": layers, "d_state": decays[0].shape[1],
    }  # fmt: skip
    told = {name: said[name] for name in found}
    if found != told:
        raise ValueError(f"the card says {told}, the weights are of {found}")
    return weights


def read_card(
    path: Path,
    kinds: tuple[str, ...] = KINDS,
    instead: str = f"{', '.join(SHIPPED)}, kalman, still",
) -> dict[str, Any]:
    """The model card of a .safetensors file, which is of one of ``kinds``; instead: what may be
    given where there is no such file."""
    card_path = path.with_suffix(".json")
    for needed in (path, card_path):
        if not needed.is_file():
            raise MambatrackError(
                f"{needed} not found; give {instead}, or the path of a trained "
                ".safetensors file with its .json model card beside it"
            )
    with fitting(path):
        card = json.loads(card_path.read_text(encoding="utf-8"))
        kind_of(card, kinds)
        return cast(dict[str, Any], card)


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Errors of reading become one that names the file."""
    from safetensors import SafetensorError

    wrong = (LookupError, TypeError, AttributeError, ValueError, RuntimeError, SafetensorError)
    try:
        yield
    except wrong as error:
        reason = str(error).splitlines()[0]
        raise MambatrackError(f"{path} and its model card do not fit together: {reason}") from None


def choose_device(device: str) -> str:
    """auto -> cuda where torch sees a GPU, else cpu."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise MambatrackError("device cuda asked for, but torch sees no GPU; use --device cpu")
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def one_thread() -> Iterator[None]:
    """So small a network gains nothing from more threads, and waits for them on a busy machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def spread_after(measured: Boxes, gaps: NDArray, boxes: Boxes) -> Boxes:
    """measured [H, 4] after 1..H frames, as a share of the size; gaps [N] frames -> [N, 4] pixels.

    Grows as measured, and beyond the longest measured gap with its square root.
    """
    horizon = len(measured)
    spread: Boxes = measured[np.minimum(gaps, horizon).astype(np.int64) - 1] * _own_size(boxes)
    if gaps.max(initial=0) > horizon:
        spread *= np.sqrt(np.maximum(gaps / horizon, 1, dtype=np.float32))[:, None]
    return spread


def _own_size(boxes: Boxes) -> Boxes:
    """cxcywh [N, 4] -> the size that each coordinate is measured by: (w, h, w, h)."""
    return boxes[:, [2, 3, 2, 3]]


def as_plausible(boxes: Boxes) -> Boxes:
    """Keeps extrapolated boxes finite and of positive size."""
    return np.minimum(np.maximum(boxes, LOWEST), -LOWEST[0])
