r"""What 8 bits change in the predictor and the association, by how weights and inputs are rounded.

    python docs/experiments/eight_bits.py --frames 250 \
      --dataset dancetrack/val/dancetrack0034 mot17/train/MOT17-09-SDP \
      --calibrate dancetrack/val/dancetrack0079 mot17/train/MOT17-02-SDP mot15/train/ETH-Bahnhof

The shipped networks track the sequences of --dataset; beside them the same networks are told of the
same tracks, with every matrix product as a row of WAYS has it. Ranges of inputs, their covariance
and their largest values come from --calibrate.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import hadamard

from mambatrack.association import loading
from mambatrack.association.scorer import Committee, CommitteeEncoder, PairScorer
from mambatrack.config import load_config
from mambatrack.datasets.sequences import Sequence, find_sequences
from mambatrack.evaluation.twins import Parts, TwinAssociation, TwinPredictor, differences, follow
from mambatrack.motion.causal_predictor import CausalPredictor
from mambatrack.motion.loading import load_predictor, weights_path
from mambatrack.networks.card_values import spread_of
from mambatrack.networks.causal import CausalMotionPredictor, encoder_of
from mambatrack.networks.eight_bits import in_eight_bits, restored
from mambatrack.networks.model_files import load_model, read_card
from mambatrack.networks.weight_files import Weights
from mambatrack.tracking.tracker import Tracker

Floats = NDArray[np.float32]
SAMPLES = 4096  # inputs of a layer that are kept
CONFIG = replace(load_config().tracker, hypotheses=1)


class Way(NamedTuple):
    """bits, rows: of weights, and whether each row has a step; inputs: not rounded, by the largest
    of each token, or by what was seen before; turned: what inputs and weights are multiplied with
    before they are rounded."""

    bits: int = 8
    rows: bool = True
    inputs: str = "as they are"
    turned: str = "no"


WAYS = {
    "weights": Way(),
    "weights, one step a matrix": Way(rows=False),
    "weights, Hadamard": Way(turned="Hadamard"),
    "weights, KLT": Way(turned="KLT"),
    "weights of 4 bits": Way(bits=4),
    "weights of 4 bits, Hadamard": Way(bits=4, turned="Hadamard"),
    "and inputs, by token": Way(inputs="token"),
    "and inputs, by token, Hadamard": Way(inputs="token", turned="Hadamard"),
    "and inputs, by layer": Way(inputs="layer"),
    "and inputs, by layer, smoothed": Way(inputs="layer", turned="smoothed"),
    "and inputs, by layer, Hadamard": Way(inputs="layer", turned="Hadamard"),
    "and inputs, by layer, KLT": Way(inputs="layer", turned="KLT"),
}


class Product:
    """x [., K] -> x @ matrix.T, rounded in some way; without one the inputs are kept."""

    def __init__(self, matrix: Floats, way: Way | None, seen: Floats | None):
        self.way, self.seen, self.matrix = way, seen, matrix
        self.kept: list[Floats] = []
        if way is None or seen is None:
            return
        self.turn, back = turned(way.turned, matrix, seen)
        weights = matrix @ back.T
        step = np.abs(weights).max(axis=1 if way.rows else None, keepdims=True)
        self.matrix = rounded(weights, step, way.bits)
        self.largest = np.abs(seen @ self.turn).max()

    def __call__(self, x: Floats) -> Floats:
        if self.way is None:
            self.kept.append(x[:16].copy())
            return x @ self.matrix.T
        x = x @ self.turn
        if self.way.inputs == "token":
            x = rounded(x, np.abs(x).max(axis=1, keepdims=True))
        elif self.way.inputs == "layer":
            x = rounded(x, self.largest)
        return (x @ self.matrix.T).astype(np.float32)

    def __matmul__(self, x: Floats) -> Floats:
        return np.ascontiguousarray(self(np.ascontiguousarray(x.T)).T)


def rounded(x: Floats, largest: Any, bits: int = 8) -> Floats:
    most = 2 ** (bits - 1) - 1
    step = np.maximum(largest, 1e-9) / most
    return (np.clip(np.rint(x / step), -most, most) * step).astype(np.float32)


def turned(name: str, matrix: Floats, seen: Floats) -> tuple[Floats, Floats]:
    """What inputs [K, K] are multiplied with, and what weights."""
    size = matrix.shape[1]
    whole = np.eye(size, dtype=np.float32)
    if name == "Hadamard" and not size & (size - 1):
        whole = (hadamard(size) / np.sqrt(size)).astype(np.float32)
    if name == "KLT":
        whole = np.linalg.eigh(np.cov(seen.T) + 1e-9 * np.eye(size))[1].astype(np.float32)
    if name == "smoothed":
        ratio = np.abs(seen).max(axis=0).clip(1e-3) / np.abs(matrix).max(axis=0).clip(1e-3)
        return np.diag(ratio**-0.5), np.diag(ratio**0.5)
    return whole, whole.T


class Layers:
    """The products of one network, by name; kept: the inputs of each, once they were watched."""

    def __init__(self, way: Way | None, kept: dict[str, Floats]):
        self.way, self.kept = way, kept
        self.products: dict[str, Product] = {}

    def product(self, name: str, matrix: Floats) -> Product:
        self.products[name] = Product(matrix, self.way, self.kept.get(name))
        return self.products[name]

    def watched(self) -> dict[str, Floats]:
        rng = np.random.default_rng(0)
        found = {name: np.concatenate(each.kept) for name, each in self.products.items()}
        return {name: rng.permutation(each)[:SAMPLES] for name, each in found.items()}


class Step:
    """CausalMotionPredictor.step as the network of a predictor or an encoder."""

    def __init__(self, model: CausalMotionPredictor, layers: Layers, prefix: str = ""):
        self.model, self.carried_size = model.eval(), model.carried_size
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Linear) and not name.endswith(".dt"):
                product = layers.product(prefix + name, module.weight.detach().numpy())
                module.forward = linear(product, module.bias)  # type: ignore[method-assign]

    def __call__(self, tokens: Floats, carried: Floats, rows: Any = slice(None)) -> Floats:
        with torch.inference_mode():
            before = torch.from_numpy(np.ascontiguousarray(carried[rows]))
            outputs, after = self.model.step(torch.from_numpy(np.ascontiguousarray(tokens)), before)
        carried[rows] = after.numpy()
        return outputs.numpy()


def linear(product: Product, bias: torch.Tensor | None) -> Callable[[torch.Tensor], torch.Tensor]:
    def forward(x: torch.Tensor) -> torch.Tensor:
        y = torch.from_numpy(product(x.numpy()))
        return y if bias is None else y + bias

    return forward


def unmultiplied(weights: Weights) -> Weights:
    """What is in no product, as files in 8 bits have it; the matrices of products as they were."""
    stored = restored(in_eight_bits(weights))
    return {
        n: a if n.endswith(".weight") and a.ndim == 2 else stored[n] for n, a in weights.items()
    }


def predictor_of(layers: Layers) -> CausalPredictor:
    path = weights_path("mamba")
    assert path is not None
    return CausalPredictor(Step(load_model(path)[0], layers), spread_of(read_card(path)))


def parts_of(layers: Layers) -> Parts:
    scorers, encoders, sizes = [], [], []
    for number, weights in enumerate(loading.load_weights(loading.SHIPPED["learned"])):
        weights = unmultiplied(weights)
        scorer = PairScorer(weights)
        for name, matrix in scorer._weights.items():
            if name.endswith(".weight"):
                scorer._weights[name] = layers.product(f"{number}.{name}", matrix)  # type: ignore[assignment]
        encoder = {n[8:]: torch.from_numpy(a) for n, a in weights.items() if n[:8] == "encoder."}
        encoders.append(Step(encoder_of(encoder), layers, f"{number}.encoder."))
        scorers.append(scorer)
        sizes.append(len(encoder["head.2.bias"]))
    return Parts(Committee(scorers, sizes), CommitteeEncoder(encoders), sum(sizes))


def by_predictor(sequences: list[Sequence], layers: Layers) -> dict[str, float]:
    apart = []
    for sequence in sequences:
        twins = TwinPredictor(load_predictor("mamba"), predictor_of(layers))
        follow(sequence, Tracker(CONFIG, sequence.image_size, predictor=twins))
        apart += twins.apart
    return differences(apart)


def by_association(sequences: list[Sequence], layers: Layers) -> dict[str, float]:
    first = Parts(*loading.committee_of(loading.load_weights(loading.SHIPPED["learned"])))
    twins = TwinAssociation(first, parts_of(layers), CONFIG)
    for sequence in sequences:
        follow(sequence, Tracker(CONFIG, sequence.image_size, association=twins))
    return differences(twins.apart) | {"otherwise": float(np.mean(twins.otherwise))}


def found(roots: list[str], frames: int) -> list[Sequence]:
    every = [each for root in roots for each in find_sequences(root)]
    return [replace(each, frames=min(frames, each.frames)) for each in every]


def rows(options: argparse.Namespace) -> Iterator[str]:
    measured, before = (
        found(each, options.frames) for each in (options.dataset, options.calibrate)
    )
    measures = {"predictor": by_predictor, "association": by_association}
    for network in options.network:
        watching = Layers(None, {})
        measures[network](before, watching)
        kept = watching.watched()
        for name, way in WAYS.items():
            told = measures[network](measured, Layers(way, kept))
            yield f"| {network} | {name} | {' | '.join(f'{each:.3g}' for each in told.values())} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", nargs="+", required=True, metavar="DIR")
    parser.add_argument("--calibrate", nargs="+", required=True, metavar="DIR")
    parser.add_argument("--frames", type=int, default=400, help="of each sequence")
    parser.add_argument("--network", nargs="+", default=["predictor", "association"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    for row in rows(options):
        print(row, flush=True)


if __name__ == "__main__":
    main()
