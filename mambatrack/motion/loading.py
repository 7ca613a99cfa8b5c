"""Predictors by name, and the networks among them from their weights."""

from collections.abc import Callable
from pathlib import Path

from mambatrack.config import TrackerConfig
from mambatrack.kernels.cpu.network import CausalNetwork, WindowNetwork
from mambatrack.motion import causal_predictor, window_predictor
from mambatrack.motion.causal_predictor import CausalPredictor
from mambatrack.motion.classical import KalmanPredictor, StillPredictor, VelocityPredictor
from mambatrack.motion.compiled_predictor import (
    CompiledCausalPredictor,
    CompiledKalmanPredictor,
    CompiledWindowPredictor,
)
from mambatrack.motion.device_predictor import resident
from mambatrack.motion.predictor import Predictor
from mambatrack.motion.window_predictor import WindowPredictor
from mambatrack.networks.card_values import LONGEST_WINDOW, one_of, spread_of, whole
from mambatrack.networks.devices import c_library_for
from mambatrack.networks.model_files import (
    SHIPPED,
    WEIGHTS,
    check_online,
    fitting,
    kind_of,
    read_card,
)

PLAIN: dict[str, Callable[[], Predictor]] = {
    "kalman": KalmanPredictor, "velocity": VelocityPredictor, "still": StillPredictor
}  # fmt: skip


def load_predictor(
    path_or_name: str | Path = "mamba-window",
    image_size: tuple[int, int] | None = None,
    device: str = "auto",
    straighten_history: bool = False,
    seen_window: int = 0,
) -> Predictor:
    """A predictor by name (mamba-window, mamba, kalman, velocity, still) or from a .safetensors
    file.

    image_size: (width, height) in pixels, needed by networks trained on image-relative offsets.
    straighten_history: mamba-window: on finding a lost track again, a straight line takes the place
    of its predicted boxes.
    seen_window: mamba-window: so many past offsets are read of a track that was seen in the frame
    before, 0 for all.
    device: auto, cpu or cuda; auto is the C library on the CPU, and where that is not there a GPU
    if there is one. What a causal network carries is then copied there and back in every call; a
    Tracker with the setting device keeps it there. Raises MambatrackError where the file or its
    model card is unusable.
    """
    if str(path_or_name) == "kalman" and c_library_for(device):
        return CompiledKalmanPredictor()
    if str(path_or_name) in PLAIN:
        return PLAIN[str(path_or_name)]()
    path = weights_path(path_or_name)
    assert path is not None
    card = read_card(path)
    check_online(path, card)
    if kind_of(card) != "window":
        with fitting(path):
            spread = spread_of(card)
        causal = causal_predictor.open_network(path, device)
        with fitting(path):
            if isinstance(causal, CausalNetwork):
                return CompiledCausalPredictor(causal, spread)
            return CausalPredictor(causal, spread)
    with fitting(path):
        spread, q = spread_of(card), whole(card, "architecture.window", 1, LONGEST_WINDOW)
        unit = one_of(card, "normalisation.unit", ("box", "image"))
    network = window_predictor.open_network(path, device, q)
    how = q, unit, spread, image_size, straighten_history, seen_window
    if isinstance(network, WindowNetwork):
        return CompiledWindowPredictor(network, *how)
    return WindowPredictor(network, *how)


def configured_predictor(
    config: TrackerConfig, image_size: tuple[int, int] | None = None
) -> Predictor:
    """The predictor of a tracker with these settings, as load_predictor() gives it; on a GPU with
    its states there."""
    return resident(
        load_predictor(
            config.predictor,
            image_size,
            config.device,
            config.straighten_history,
            config.seen_window,
        )
    )


def weights_path(path_or_name: str | Path) -> Path | None:
    """The file of a predictor's weights, of a shipped one too; None where it has none."""
    name = str(path_or_name)
    if name in PLAIN:
        return None
    if name in SHIPPED:
        return WEIGHTS / f"{SHIPPED[name]}.safetensors"
    return Path(path_or_name)
