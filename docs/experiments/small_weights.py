r"""A detector or an embedder in fewer bits: steps by what a layer's error costs, weights rounded by
what reaches them.

    python docs/experiments/small_weights.py --network before/mambatrack-detector.safetensors \
      --pictures pictures/ --bits 4.2 --out mambatrack-detector.safetensors

What reaches every matrix is measured on all --pictures: the second moments of its inputs. Weights
are rounded column by column, and what is lost with one is made up by those that are still to come
(GPTQ, Frantar et al. 2023). Every matrix alone is rounded at TRIED bits, and the answers are
compared, of a detector at the places that it is not sure are empty, of an embedder those for the
people whom the detector own finds. From these errors follow the bits of all, of which the sum of
errors is least: half the logarithm of the error a weight, plus what makes the mean --bits.

Bits are those that numbers of a normal distribution need: a row's step is 4.13 of its deviations
in 2 ** bits, sqrt(2 pi e) being 4.13. Numbers of one file are deflated, so that frequent ones take
less.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from safetensors.numpy import save

from mambatrack.config import DetectorConfig
from mambatrack.detectors import open_detector
from mambatrack.detectors.images import input_size, place, size_of
from mambatrack.detectors.own import ArrayDetector, OwnDetector
from mambatrack.embedders import own as embedders
from mambatrack.files import sha256
from mambatrack.networks.array_layers import ArrayLayers
from mambatrack.networks.eight_bits import MOST, in_eight_bits, restored, shortest_steps
from mambatrack.networks.model_files import read_card, write_weights
from mambatrack.networks.weight_files import deflated, read_weights

TRIED, LEAST, MAX_BITS = 4.0, 3.0, 9.0
LOGIT = -3.5  # from which on a place of the detector is looked at
OF_SIDES = 4.0  # weight of squared errors of distances' logarithms, those of log-odds being 1
PEOPLE = 12  # of a picture
DAMPING = 0.01  # of the mean second moment
MANTISSA = 3  # bits of a step, so that few different ones are stored


class Detector:
    """What it says at the places that count: [N, 5]."""

    def __init__(self, path, pictures):
        side = OwnDetector(DetectorConfig(weights=str(path))).side
        self.inputs = []
        for picture in pictures:
            size = input_size((1, 3, None, None), size_of(picture), side)
            canvas = place(picture, size).canvas[None]
            self.inputs.append(canvas * np.float32(1 / 255) - np.float32(0.5))
        self.weights = read_weights(path, half=True)
        self.counts = self._said(self.weights)[:, 0] > LOGIT

    def __call__(self, weights):
        return self._said(weights)[self.counts] * np.sqrt([1, *[OF_SIDES] * 4])

    def _said(self, weights):
        network, said = ArrayDetector(weights), []
        for each in self.inputs:
            for stage, features in enumerate(network._passed(network._backbone(each))):
                said.append(network._said(stage, features).reshape(-1, 5))
        return np.concatenate(said)


class Embedder:
    """Vectors of length 1 of the people of the pictures: [N, E]."""

    def __init__(self, path, pictures):
        card, detect = read_card(path, (embedders.KIND,)), open_detector("own", classes=["person"])
        rows, columns = (card["architecture"][each] for each in ("rows", "columns"))
        self.weights, crops = read_weights(path, half=True), []
        for picture in pictures:
            found = detect(picture)
            for box in found.boxes[np.argsort(-found.scores)[:PEOPLE]]:
                left, top, right, bottom = np.rint(np.maximum(box, 0)).astype(int)
                crop = picture[top:bottom, left:right]
                if min(crop.shape[:2]) > 6:
                    crops.append(cv2.resize(crop, (columns, rows), interpolation=cv2.INTER_AREA))
        self.crops = np.stack(crops)

    def __call__(self, weights):
        codes = embedders._Network(weights)(self.crops)
        return codes / np.linalg.norm(codes, axis=1, keepdims=True)


class Watched(np.ndarray):
    """A matrix that adds up the second moments of what is multiplied with it."""

    def __array_finalize__(self, source):
        self.name, self.seen = getattr(source, "name", ""), getattr(source, "seen", {})

    def __rmatmul__(self, inputs):
        add(self.seen, self.name, inputs)
        return inputs @ np.asarray(self)


def add(seen, name, inputs):
    rows = inputs.reshape(-1, inputs.shape[-1]).astype(np.float64)
    seen[name] = seen.get(name, 0) + rows.T @ rows


def second_moments(network):
    """By the name of the weights, of all products of matrices."""
    seen, weights, product = {}, {}, ArrayLayers.product

    def watched(layers, name, x):
        width = len(layers._matrices[name])
        add(seen, f"{layers._prefix}{name}.weight", x.reshape(-1, width))
        return product(layers, name, x)

    for name, array in network.weights.items():
        weights[name] = array
        if array.ndim == 2 and name.endswith(".weight"):
            weights[name] = array.view(Watched)
            weights[name].name, weights[name].seen = name, seen
    ArrayLayers.product = watched
    try:
        network(weights)
    finally:
        ArrayLayers.product = product
    return seen


def as_rows(name, array):
    """[outputs, inputs], in the order of what reaches them."""
    if name.endswith(".conv"):
        return array.T
    return (array.transpose(0, 2, 3, 1) if array.ndim == 4 else array).reshape(len(array), -1)


def from_rows(name, rows, shape):
    if name.endswith(".conv"):
        return rows.T.copy()
    if len(shape) < 4:
        return rows.reshape(shape)
    return rows.reshape(shape[0], *shape[2:], shape[1]).transpose(0, 3, 1, 2).copy()


def steps_of(rows, bits):
    """[outputs] float16"""
    wanted = np.sqrt((rows**2).mean(axis=1)) * np.sqrt(2 * np.pi * np.e) / 2**bits
    shortest = shortest_steps(rows)
    wanted = np.maximum(wanted, shortest)
    unit = 2.0 ** (np.floor(np.log2(wanted)) - MANTISSA)
    return np.maximum((np.ceil(wanted / unit) * unit).astype(np.float16), shortest)


def rounded(rows, steps, moments):
    """Multiples of the steps [outputs]. moments [inputs, inputs], or None."""
    if moments is None:
        return np.rint(rows / steps[:, None]) * steps[:, None]
    order = np.argsort(-np.diag(moments))
    damped = moments + (DAMPING * np.diag(moments).mean() + 1e-12) * np.eye(len(moments))
    upper = np.linalg.cholesky(np.linalg.inv(damped[np.ix_(order, order)])).T
    left, found = rows[:, order].astype(np.float64), np.empty(rows.shape)
    for at, column in enumerate(order):
        found[:, column] = np.rint(left[:, at] / steps).clip(-MOST, MOST) * steps
        lost = (left[:, at] - found[:, column]) / upper[at, at]
        left[:, at + 1 :] -= np.outer(lost, upper[at, at + 1 :])
    return found


def smaller(weights, bits, moments):
    """Weights on steps, and these by name; bits by name, of those that are to be rounded."""
    found, chosen = dict(weights), {}
    for name, of_name in bits.items():
        rows = as_rows(name, weights[name])
        chosen[name] = steps_of(rows, of_name)
        on_steps = rounded(rows, chosen[name].astype(np.float64), moments.get(name))
        found[name] = from_rows(name, on_steps.astype(np.float32), weights[name].shape)
    return found, chosen


def allotted(costs, sizes, mean):
    """Bits by name; costs: squared errors at TRIED bits."""
    names = list(costs)
    counts = np.array([sizes[name] for name in names])
    wish = np.log2([max(costs[name], 1e-9) / sizes[name] for name in names]) / 2
    low, high = -50.0, 50.0
    for _ in range(60):
        level = (low + high) / 2
        bits = (wish + level).clip(LEAST, MAX_BITS)
        low, high = (level, high) if bits @ counts < mean * counts.sum() else (low, level)
    return dict(zip(names, bits.tolist(), strict=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True, help="a folder")
    parser.add_argument("--bits", type=float, nargs="+", required=True, help="a file for each")
    parser.add_argument("--out", type=Path, nargs="+", required=True)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    pictures = [cv2.imread(str(each)) for each in sorted(options.pictures.iterdir())]
    card = read_card(options.network, ("detector", embedders.KIND))
    kind = Detector if card["architecture"]["kind"] == "detector" else Embedder
    network = kind(options.network, pictures)
    weights, right = network.weights, network(network.weights)
    moments = second_moments(network)
    print(f"{len(pictures)} pictures, {len(right)} answers, {len(moments)} products")

    def squared_error(other):
        return float(((network(other) - right) ** 2).sum(axis=1).mean())

    sizes = {name: array.size for name, array in weights.items() if array.ndim >= 2}
    costs = {name: squared_error(smaller(weights, {name: TRIED}, moments)[0]) for name in sizes}
    for mean, out in zip(options.bits, options.out, strict=True):
        found, chosen = smaller(weights, allotted(costs, sizes, mean), moments)
        stored = in_eight_bits(found, chosen)
        content = deflated(save(stored))
        said = {"bits": 8, "of_sha256": sha256(options.network), "mean_bits": mean}
        write_weights(out, content, card | {"quantised": said})
        error = squared_error(restored(stored))
        print(f"{out}: {len(content)} bytes, error {error:.5f}", flush=True)
    plain = restored(in_eight_bits(weights))
    print(f"to the nearest, 8 bits a row: error {squared_error(plain):.5f}")


if __name__ == "__main__":
    main()
