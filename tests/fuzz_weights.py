"""Weight files and model cards of all kinds, mutated at random, are refused or give finite boxes.

python tests/fuzz_weights.py --runs 10000             with the C library that is installed
python tests/fuzz_weights.py --runs 10000 --sanitize address     or undefined, built here by gcc
"""

import argparse
import os
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from c_library import build_sanitized
from mambatrack import MambatrackError, Tracker, load_config
from mambatrack.association.loading import load_learned
from mambatrack.detections import Detections
from mambatrack.gaps.filling import Gap, GapFiller
from mambatrack.kernels import weight_shapes as table
from mambatrack.kernels.cpu import library
from mambatrack.kernels.cpu.network import CausalNetwork, WindowNetwork
from mambatrack.kernels.cpu.pairs import PairsNetwork
from mambatrack.motion.loading import load_predictor
from weight_mutants import mutant, pick, resized

KINDS = ("causal", "window", "association", "refill")
CONFIG = load_config(None, {"tracker.predictor": "kalman"})
BOXES = np.array([[100, 200, 40, 90], [130, 210, 42, 95], [400, 220, 50, 100]], np.float32)


def use(kind, path):
    """What a network of this file gives for a few frames; all of it has to be finite."""
    if kind == "refill":
        times = [1, 2, 3], BOXES, [9, 10], BOXES[:2]
        return [each for filled in GapFiller(path)([Gap(*times)]) for each in filled[1:]]
    if kind == "association":
        tracker = Tracker(CONFIG, (960, 540), association=load_learned(path, CONFIG.tracker))
        corners = np.concatenate([BOXES[:, :2], BOXES[:, :2] + BOXES[:, 2:]], axis=1)
        scores, classes = np.full(3, 0.9, np.float32), np.zeros(3, np.int64)
        return [
            tracker.update(Detections(corners + 4 * frame, scores, classes)).boxes
            for frame in range(4)
        ]
    predictor = load_predictor(path, (960, 540))
    state, outputs = predictor.start(BOXES), []
    for frame in range(5):
        outputs += predictor.predict(state)
        if frame != 2:
            predictor.correct(state, np.array([0, 2]), BOXES[[0, 2]] + frame)
    return outputs


def use_kernel(rng):
    """A network of any sizes, packed by itself: with its own weights it runs, with others not."""
    which = rng.integers(3)
    if which == 2:
        sizes = table.PairSizes(*(int(rng.integers(1, high)) for high in (70, 9, 70, 90, 90, 4)))
        state = noise(table.pair_shapes(sizes), rng)
        spoil(state, rng)
        network = PairsNetwork(state, 6.0)
        features, alone = noise({"f": (sizes.features, 7), "a": (sizes.alone, 4)}, rng).values()
        code = noise({"c": (5, sizes.code)}, rng)["c"]
        return network(features, rng.integers(5, size=7), rng.integers(4, size=7), code, alone)
    highs = (40, 90, 150, 150, 9, 20, 9, 4, 200)
    sizes = table.Sizes(*(int(rng.integers(1, high)) for high in highs))
    if which == 0:
        state = noise(table.motion_shapes(sizes._replace(inputs=4, outputs=4), table.BOTH), rng)
        spoil(state, rng)
        lengths = rng.integers(0, 71, size=9)
        return [WindowNetwork(state, 8.0)(noise({"x": (9, 70, 4)}, rng)["x"], lengths)]
    back = int(rng.choice([0, 2, 5, 32]))
    state = noise(table.motion_shapes(sizes, table.ONE, bool(back)), rng)
    spoil(state, rng)
    step = CausalNetwork(state, 8.0, back)
    carried = np.zeros((70, step.carried_size), np.float32)
    return [step(noise({"x": (70, sizes.inputs)}, rng)["x"], carried) for _ in range(3)]


def noise(shapes, rng):
    return {name: rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}


def spoil(state, rng):
    """One weight of another shape, in half of all cases."""
    if rng.random() < 0.5:
        name, array = pick(state, rng)
        shape = list(array.shape)
        shape[rng.integers(len(shape))] += int(rng.integers(1, 40))
        state[name] = resized(array, shape)


def try_one(seed, folder):
    """What was done to what, and how it ended: refused or finite. AssertionError else."""
    rng = np.random.default_rng(seed)
    if seed % 5 == 4:
        done, use_it = ("kernel", "of_sizes"), lambda: use_kernel(rng)
    else:
        kind = KINDS[seed % 5]
        content, text, change = mutant(kind, rng)
        path = Path(folder) / "mutant.safetensors"
        path.write_bytes(content)
        path.with_suffix(".json").write_bytes(text)
        done, use_it = (kind, change), lambda: use(kind, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outputs = use_it()
    except MambatrackError:
        return *done, "refused"
    except ValueError:
        assert done[0] == "kernel", f"seed {seed}, {done}: ValueError"
        return *done, "refused"
    assert all(np.isfinite(each).all() for each in outputs), f"seed {seed}, {done}: not finite"
    return *done, "finite"


def run(first, count, log=None):
    """Counts of how ``count`` mutants ended; log: a file that names the seed at work."""
    ended = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + count):
            if log:
                log.write_text(f"{seed}\n{dict(ended)}\n")
            try:
                kind, _, end = try_one(seed, folder)
                ended[kind, end] += 1
            except Exception as error:
                ended["failed", type(error).__name__] += 1
                print(f"seed {seed}: {type(error).__name__}: {error}", flush=True)
    return ended


def build_and_run(which, arguments):
    """This script with a library built with one of gcc's sanitizers; its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        return sanitized(which, build_sanitized(Path(folder), which), arguments)


def sanitized(which, built, arguments):
    """This script with the library at the path ``built``; its exit code."""
    name = {"address": "libasan.so", "undefined": "libubsan.so"}[which]
    asked = subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True)
    environment = os.environ | {
        "LD_PRELOAD": asked.stdout.strip(), "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc", "MAMBATRACK_CPU": library.variant(),
    }  # fmt: skip
    child = [sys.executable, __file__, "--library", str(built), *arguments]
    return subprocess.run(child, env=environment).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--sanitize", choices=("address", "undefined"))
    parser.add_argument("--library", type=Path, help="the C library, where it is another")
    parser.add_argument("--log", type=Path, help="a file that names the seed at work")
    given = parser.parse_args()
    if given.sanitize:
        rest = ["--runs", str(given.runs), "--first", str(given.first)]
        rest += ["--log", str(given.log)] if given.log else []
        return build_and_run(given.sanitize, rest)
    if given.library:
        library.LIBRARY = given.library
    assert library.available(), library.why_not()
    ended = run(given.first, given.runs, given.log)
    for (kind, end), count in sorted(ended.items()):
        print(f"{kind} {end}: {count}")
    return int(any(kind == "failed" for kind, _ in ended))


if __name__ == "__main__":
    sys.exit(main())
