"""Times the shipped networks that run in C beside torch: python -m mambatrack.networks.cpu_bench

One thread, CPU time, medians in milliseconds over rounds in which all take their turn. Each is
called once before the call that is timed, which has what it needs in the caches then. mamba: a
token for each track; mamba-window: full windows; encoder: that of the first network of the
association, a pair for each track. Pair networks: mambatrack bench --profile.
"""

import ctypes
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import torch

from mambatrack.kernels.cpu import library as cpu
from mambatrack.kernels.cpu import network as cpu_network
from mambatrack.networks.causal import CausalMotionPredictor, encoder_of
from mambatrack.networks.causal_step import CausalStep
from mambatrack.networks.model_files import SHIPPED, WEIGHTS, load_model
from mambatrack.networks.units import INPUT_LIMIT
from mambatrack.networks.weight_files import read_weights
from mambatrack.networks.window import MotionPredictor

TRACKS = (1, 10, 30, 100, 300)
WINDOW = 10  # offsets
ENCODER = "0.encoder."  # of the association's weights
SECONDS = 3.0  # for each row of the table

Call = Callable[[], Any]
Contender = Callable[[int], Call]  # tracks -> a call of the network


def main() -> None:
    torch.set_num_threads(1)
    variants = runnable()
    print(f"torch {torch.__version__}; ms per call, {' '.join(variants)}, torch")
    for name, model in shipped().items():
        each_way = window if isinstance(model, MotionPredictor) else causal
        contenders = each_way(model.eval(), variants)
        for tracks in TRACKS:
            times = medians([contender(tracks) for contender in contenders])
            row = " ".join(f"{each:8.3f}" for each in times)
            print(f"{name:13} N{tracks:<4}{row}", flush=True)


def shipped() -> dict[str, Any]:
    models = {
        name: load_model(WEIGHTS / f"{file}.safetensors")[0] for name, file in SHIPPED.items()
    }
    weights = read_weights(WEIGHTS / "mambatrack-association.safetensors")
    encoder = {
        name.removeprefix(ENCODER): torch.from_numpy(each)
        for name, each in weights.items()
        if name.startswith(ENCODER)
    }
    return models | {"encoder": encoder_of(encoder)}


def runnable() -> list[str]:
    """The instruction sets of this processor."""
    library = ctypes.CDLL(str(cpu.LIBRARY))
    found = []
    for variant in cpu.VARIANTS:
        runs = getattr(library, f"runs_{variant}", lambda: 1)
        if hasattr(library, f"lanes_{variant}") and runs():
            found.append(variant)
    return found


def built(kind: Callable[..., Any], model: torch.nn.Module, variant: str) -> Any:
    library = cpu.Library(ctypes.CDLL(str(cpu.LIBRARY)), variant)
    with mock.patch.object(cpu_network, "library", lambda: library):
        weights = {name: each.numpy() for name, each in model.state_dict().items()}
        return kind(weights, INPUT_LIMIT)


def window(model: MotionPredictor, variants: list[str]) -> list[Contender]:
    def in_c(variant: str) -> Contender:
        network = built(cpu_network.WindowNetwork, model, variant)

        def start(n: int) -> Call:
            given, lengths = offsets(n).numpy(), np.full(n, WINDOW)
            return lambda: network(given, lengths)

        return start

    def in_torch(n: int) -> Call:
        given, lengths = offsets(n), torch.full((n,), WINDOW)
        return lambda: model(given, lengths)

    return [*map(in_c, variants), in_torch]


def causal(model: CausalMotionPredictor, variants: list[str]) -> list[Contender]:
    inputs = model.embed.in_features

    def steps(network: Any) -> Contender:
        def start(n: int) -> Call:
            given = np.linspace(-2, 2, n * inputs, dtype=np.float32).reshape(n, inputs)
            carried = np.zeros((n, network.carried_size), np.float32)
            return lambda: network(given, carried)

        return start

    networks = [built(cpu_network.CausalNetwork, model, each) for each in variants]
    return [*map(steps, networks), steps(CausalStep(model))]


def offsets(n: int) -> torch.Tensor:
    return torch.linspace(-2, 2, n * WINDOW * 4).reshape(n, WINDOW, 4)


def medians(calls: list[Call]) -> list[float]:
    """Milliseconds of each call."""
    times: list[list[float]] = [[] for _ in calls]
    end = time.process_time() + SECONDS
    with torch.inference_mode():
        while time.process_time() < end or len(times[0]) < 5:
            for call, taken in zip(calls, times, strict=True):
                call()
                start = time.process_time()
                call()
                taken.append(time.process_time() - start)
    return [1e3 * float(np.median(each)) for each in times]


if __name__ == "__main__":
    main()
