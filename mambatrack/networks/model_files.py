"""Weights and model cards: what is read is checked, what is written is whole."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mambatrack.errors import MambatrackError
from mambatrack.files import replacing, sha256
from mambatrack.kernels.weight_shapes import (
    BOTH,
    MAX_BACK,
    ONE,
    Sizes,
    check_shapes,
    motion_shapes,
    sizes_of,
)
from mambatrack.networks.card_values import check_told, parse_card, whole
from mambatrack.networks.units import OUTPUTS, TOKEN
from mambatrack.networks.weight_files import Weights, read_weights
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
    return _known(str(card["architecture"].get("kind", "window"))[:80], kinds)


def _known(kind: str, kinds: tuple[str, ...] = KINDS) -> str:
    if kind not in kinds:
        raise ValueError(f"unknown kind of network {kind!r}; known are {', '.join(kinds)}")
    return kind


def back_of(card: dict[str, Any]) -> int:
    """Tokens that the network looks back over, 0 but for kind causal-back."""
    return whole(card, "architecture.back", 2, MAX_BACK) if kind_of(card) == "causal-back" else 0


def check_online(path: Path, card: dict[str, Any]) -> None:
    """Raises MambatrackError for a network that sees boxes after the one it predicts."""
    if frames := card["architecture"].get("foresight"):
        raise MambatrackError(
            f"{path} needs {frames} boxes from after the frame that it predicts: it can teach "
            "another network (training.teacher), and not track"
        )


def write_model(path: Path, weights: Mapping[str, "Tensor"], card: dict[str, Any]) -> None:
    """write_weights() of the weights of a network in torch."""
    from safetensors.torch import save

    content = save({name: each.contiguous() for name, each in weights.items()})
    write_weights(path, content, card)


def write_weights(path: Path, content: bytes, card: dict[str, Any]) -> None:
    """Writes ``content`` to ``path``, a .safetensors file, and its model card beside it.

    Both take their names when both are whole and on the disk. The card holds the checksum of the
    weights, so that read_card refuses a pair of which only the card was replaced before a crash.
    What could not be measured, a number that is not finite, is null in it.
    """
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
    import torch

    weights, card = load_weights(path), read_card(path)
    size = sizes_of(weights, _branches(card))
    model = new_model(kind_of(card), size.model, size.layers, size.states, back_of(card))
    model.load_state_dict({name: torch.from_numpy(each) for name, each in weights.items()})
    return model, card


def load_weights(path: Path) -> Weights:
    """The weights of a motion network by name, without torch. Raises MambatrackError where they are
    not those of a network of the card's kind and size."""
    card = read_card(path)
    with fitting(path):
        weights, branches = read_weights(path), _branches(card)
        sizes = sizes_of(weights, branches)
        check_told(card, d_model=sizes.model, layers=sizes.layers, d_state=sizes.states)
        ends = (4, 4) if branches == BOTH else (TOKEN, OUTPUTS)
        if branches == ONE and sizes.outputs == 4:
            raise ValueError("its network knows no spread; train it again")
        back = bool(back_of(card))
        check_shapes(weights, motion_shapes(usual(sizes, *ends), branches, back))
        return weights


def _branches(card: dict[str, Any]) -> tuple[str, ...]:
    return BOTH if kind_of(card) == "window" else ONE


def usual(sizes: Sizes, inputs: int, outputs: int) -> Sizes:
    """Of a network of mamba.MambaBlock of this d_model, d_state and number of layers."""
    model = sizes.model
    return sizes._replace(
        inputs=inputs, inner=2 * model, hidden=2 * model, rank=ceil(model / 16), taps=4,
        outputs=outputs,
    )  # fmt: skip


def read_card(
    path: Path,
    kinds: tuple[str, ...] = KINDS,
    instead: str = ", ".join(PREDICTORS),
) -> dict[str, Any]:
    """The model card of a .safetensors file, which is of one of ``kinds``; instead: what may be
    given where there is no such file."""
    card_path = path.with_suffix(".json") if path.is_file() else path
    if not card_path.is_file():
        raise MambatrackError(
            f"{card_path} not found; give {instead}, or the path of a trained "
            ".safetensors file with its .json model card beside it"
        )
    with fitting(path):
        card = parse_card(card_path)
        kind_of(card, kinds)
        if card.get("sha256", (found := sha256(path))) != found:
            raise ValueError(
                "the card names other weights, by their sha256; give the weights that the card was "
                "written with, or train on if the training was stopped"
            )
        return card


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """What is wrong with a file's content becomes an error that names the file; errors of the
    machine, such as no memory or no GPU, stay as they are."""
    from safetensors import SafetensorError

    try:
        yield
    except (ValueError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise MambatrackError(
            f"{path} and its model card do not fit together: {reason}; give both as they were "
            "written, or train again"
        ) from None
