"""Weights and model cards: what is read is checked, what is written is whole."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError
from mambatrack.files import replacing, sha256
from mambatrack.settings import PREDICTORS

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS = Path(__file__).parents[1] / "weights"  # the shipped ones
KINDS = ("window", "causal", "causal-back")
SHIPPED = {"mamba": "mambatrack-causal", "mamba-window": "mambatrack-window"}


def new_model(kind: str, d_model: int, layers: int, d_state: int, back: int = 4) -> Any:
    """An untrained network: window.MotionPredictor or causal.CausalMotionPredictor; back: tokens
    that a network of kind causal-back looks back over."""
    if _known(kind) == "window":
        from mambatrack.networks.window import MotionPredictor

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


def write_model(path: Path, weights: Mapping[str, "Tensor"], card: dict[str, Any]) -> None:
    """Writes ``weights`` to ``path``, a .safetensors file, and its model card beside it.

    Both take their names when both are whole and on the disk. The card holds the checksum of the
    weights, so that read_card refuses a pair of which only the card was replaced before a crash.
    What could not be measured, a number that is not finite, is null in it.
    """
    from safetensors.torch import save

    content = save({name: each.contiguous() for name, each in weights.items()})
    said = {**_measured(card), "sha256": hashlib.sha256(content).hexdigest()}
    with replacing(path) as weights_file, replacing(path.with_suffix(".json")) as card_file:
        weights_file.write_bytes(content)
        card_file.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def _measured(value: Any) -> Any:
    """The same with null for numbers that are not finite, which JSON lacks."""
    if isinstance(value, dict):
        return {key: _measured(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_measured(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


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
    instead: str = ", ".join(PREDICTORS),
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
        if card.get("sha256", (found := sha256(path))) != found:
            raise ValueError(
                "the card names other weights, by their sha256; give the weights that the card was "
                "written with, or train on if the training was stopped"
            )
        return cast(dict[str, Any], card)


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Errors of reading become one that names the file."""
    from safetensors import SafetensorError

    wrong = (LookupError, TypeError, AttributeError, ValueError, RuntimeError, SafetensorError)
    try:
        yield
    except MambatrackError:
        raise
    except wrong as error:
        reason = str(error).splitlines()[0]
        raise MambatrackError(f"{path} and its model card do not fit together: {reason}") from None
