"""One short run on a GPU: whether the kernels are right there, what they and networks cost, and how
many launches a call of a network is.

    python -m mambatrack.networks.gpu_report [--device cpu] [--seconds 0.2] > report.md

Everything is compared with float64 by the reference on the CPU. Exits with 1 where an error is
above its bound. The device cpu is for trying it out: nothing is a graph then. Has not run on a GPU
yet.
"""

import argparse
import copy
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mambatrack.errors import MambatrackError
from mambatrack.kernels import bench, bi_conv_silu, choose_backend, selective_state_update
from mambatrack.networks.causal import CausalMotionPredictor
from mambatrack.networks.causal_step import CausalStep
from mambatrack.networks.device_step import DeviceStep
from mambatrack.networks.devices import check_backend, reference_backend
from mambatrack.networks.graphs import capture
from mambatrack.networks.launches import launches
from mambatrack.networks.units import TOKEN
from mambatrack.networks.window import MotionPredictor
from mambatrack.networks.window_step import GraphNetwork, TorchNetwork

# d_model, layers, d_state
SIZES = {"d16 L1": (16, 1, 2), "d32 L2": (32, 2, 8), "d64 L3": (64, 3, 16)}
TRACKS = (10, 100, 300)
WINDOW = 10
PARITY = ((20, 3, 128), (7, 30, 64))  # rows, tokens, channels
FORWARD, GRADIENTS, NETWORK = 2e-6, 5e-6, 1e-4  # bounds, of the greatest value


class Parity(NamedTuple):
    """Largest error over the greatest value, and its bound."""

    what: str
    error: float
    bound: float


def parity(device: str) -> Iterator[Parity]:
    """Of every kernel and of the window network as a graph."""
    backend = choose_backend("auto", torch.empty(0, device=device))
    for shape in PARITY:
        case = bench.random_inputs(*shape, device)
        double = {name: each.double().cpu() for name, each in case.items()}
        for gradient, bound in ((False, FORWARD), (True, GRADIENTS)):
            found = [each.cpu() for each in bench.results("auto", case, gradient)]
            error = bench.greatest_error(found, bench.results("reference", double, gradient))
            what = "scan and its gradients" if gradient else "scan"
            yield Parity(f"{what} {shape}, {backend}", error, bound)
        yield Parity(f"convolution {shape}", _on_both(_convolution, shape, device), FORWARD)
        yield Parity(f"one token with slots {shape}", _on_both(_update, shape, device), FORWARD)
    for name, size in SIZES.items():
        yield Parity(f"window network {name}", _network_error(size, device), NETWORK)
        for step in _causal_steps(size, device):
            yield Parity(f"causal network {name}, {_kind(step)}", _causal_error(step), NETWORK)


def _on_both(work: Callable[..., list[Tensor]], shape: tuple[int, int, int], device: str) -> float:
    """The error of ``work`` on the device in float32."""
    found = [each.cpu() for each in work(shape, device, torch.float32, "auto")]
    return bench.greatest_error(found, work(shape, "cpu", torch.float64, "reference"))


def _convolution(
    shape: tuple[int, int, int], device: str, kind: torch.dtype, backend: str
) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    sizes = (shape, (2, 4, shape[2]), (2, shape[2]))
    x, weight, bias = (torch.randn(*each, generator=generator).to(device, kind) for each in sizes)
    return [bi_conv_silu(x, weight, bias, backend=backend)]


def _update(
    shape: tuple[int, int, int], device: str, kind: torch.dtype, backend: str
) -> list[Tensor]:
    """The rows in the reverse order of their places, every second place of the pool free."""
    case = {name: each.to(kind) for name, each in bench.random_inputs(*shape, device).items()}
    pool = torch.zeros(2 * shape[0], shape[2], bench.STATES, device=device, dtype=kind)
    slots, outputs = torch.arange(2 * shape[0] - 1, 0, -2, device=device), []
    for token in range(shape[1]):
        options: dict[str, Any] = {"dt_softplus": True, "slots": slots, "backend": backend}
        for name, each in case.items():
            options[name] = each[0, :, token] if name in bench.TIMED else each[0]
        outputs.append(selective_state_update(pool, **options))
    return [*outputs, pool]


def _network_error(size: tuple[int, int, int], device: str) -> float:
    model = _model(size)
    offsets, lengths = _tracks(100)
    with reference_backend():
        want = model.double()(torch.from_numpy(offsets).double(), torch.from_numpy(lengths))
    found = GraphNetwork(_model(size), device)(offsets, lengths)
    return bench.greatest_error([torch.from_numpy(found)], [want])


def _model(size: tuple[int, int, int]) -> MotionPredictor:
    torch.manual_seed(0)
    return MotionPredictor(*size).eval()


def _causal_steps(size: tuple[int, int, int], device: str) -> list[DeviceStep]:
    """In one launch, where that can be, and in torch's operations."""
    steps = [DeviceStep(_causal(size, device), fused=fused) for fused in (True, False)]
    return steps if steps[0].fused else steps[1:]


def _causal(size: tuple[int, int, int], device: str) -> CausalStep:
    torch.manual_seed(0)
    return CausalStep(CausalMotionPredictor(*size), device)


def _kind(step: DeviceStep) -> str:
    return "one launch" if step.fused else "in torch"


def _causal_error(step: DeviceStep, tracks: int = 100, frames: int = 5) -> float:
    """Of the outputs of all frames and the carried states after them, where slots change hands and
    the pool grows."""
    model = copy.deepcopy(step.step.model).double().cpu()
    carried, before = torch.zeros(tracks, step.carried_size).double(), np.zeros(tracks, np.int64)
    found, wanted = [], []
    for frame in range(frames):
        tokens = _tokens(tracks, frame)
        after = np.arange(2, 2 + tracks)[::-1] + frame % 2 * tracks
        found.append(torch.from_numpy(step(tokens, before, after)))
        with reference_backend():
            output, carried = model.step(torch.from_numpy(tokens).double(), carried)
        wanted.append(output)
        before = after
        if frame == frames // 2:
            step.grow(2 * len(step.states))
    states = torch.from_numpy(step.read(before))
    return bench.greatest_error([*found, states], [*wanted, carried])


def _tokens(count: int, seed: int = 0) -> NDArray[np.float32]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, TOKEN, generator=generator).numpy()


def _tracks(count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """offsets [N, WINDOW, 4] and lengths [N]."""
    offsets = torch.randn(count, WINDOW, 4, generator=torch.Generator().manual_seed(count))
    return offsets.numpy(), torch.full((count,), WINDOW).numpy()


def network_times(device: str, seconds: float) -> Iterator[tuple[str, int, float, float]]:
    """Size, tracks, milliseconds of a call from numpy to numpy as a graph, and without one."""
    for name, size in SIZES.items():
        graphs, plain = GraphNetwork(_model(size), device), TorchNetwork(_model(size), device)
        for count in TRACKS:
            given = _tracks(count)
            graph, without = (
                bench.median_ms(partial(each, *given), device, seconds) for each in (graphs, plain)
            )
            note = "" if graphs.graphs.record is capture else " (no graph)"
            yield name + note, count, graph, without


def causal_times(device: str, seconds: float) -> Iterator[tuple[str, int, float, float]]:
    """Size and kind, tracks, milliseconds of a call from numpy to numpy whose states stay on the
    device, and of one whose states are copied there and back."""
    for name, size in SIZES.items():
        copied = _causal(size, device)
        for step in _causal_steps(size, device):
            for count in TRACKS:
                slots, tokens = np.arange(2, 2 + count), _tokens(count)
                stays = partial(step, tokens, slots, slots + count)
                moves = partial(copied, tokens, np.zeros((count, step.carried_size), np.float32))
                stay, moved = (bench.median_ms(work, device, seconds) for work in (stays, moves))
                note = "" if step.graphs.record is capture else " (no graph)"
                yield f"{name}, {_kind(step)}{note}", count, stay, moved


def launch_counts(device: str) -> Iterator[tuple[str, int]]:
    """Operations that a call of each network starts on the device, graphs aside."""
    with torch.inference_mode():
        for name, size in SIZES.items():
            window = GraphNetwork(_model(size), device)
            given = torch.zeros(16, 4 * WINDOW + 1, device=device)
            yield f"window network {name}", launches(partial(window.graphs.run, given))
            for step in _causal_steps(size, device):
                token = torch.zeros(16, TOKEN + 2, device=device)
                count = launches(partial(step.graphs.run, token))
                yield f"causal network {name}, {_kind(step)}", count


def report(device: str, seconds: float) -> tuple[str, bool]:
    """As markdown, and whether every error is within its bound."""
    checks = list(parity(device))
    lines = [f"{bench.machine(device)}", "", "| what | error | bound | |", "|---|---|---|---|"]
    for what, error, bound in checks:
        verdict = "right" if error <= bound else "**wrong**"
        lines.append(f"| {what} | {error:.1e} | {bound:.0e} | {verdict} |")
    lines += ["", "| window network | tracks | graph, ms | without, ms |", "|---|---|---|---|"]
    for name, count, graph, plain in network_times(device, seconds):
        lines.append(f"| {name} | {count} | {graph:.3f} | {plain:.3f} |")
    lines += ["", "| causal network | tracks | states stay, ms | copied, ms |", "|---|---|---|---|"]
    for name, count, stay, moved in causal_times(device, seconds):
        lines.append(f"| {name} | {count} | {stay:.3f} | {moved:.3f} |")
    lines += ["", "| a call of | operations started |", "|---|---|"]
    lines += [f"| {name} | {count} |" for name, count in launch_counts(device)]
    copied = bench.copy_bandwidth(device, seconds)
    rows = [
        row for shape in bench.QUICK for gradient in (False, True)
        for row in bench.measure(shape, gradient, device, seconds, copied)
    ]  # fmt: skip
    lines += ["", f"copy {copied:.1f} GB/s", "", bench.table(rows), ""]
    return "\n".join(lines), all(each.error <= each.bound for each in checks)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m mambatrack.networks.gpu_report", description=__doc__
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    parser.add_argument("--seconds", type=float, default=0.2, help="for each figure, default 0.2")
    given = parser.parse_args(arguments)
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch sees no GPU; --device cpu tries this out without one")
    try:
        for training in (False, True):
            check_backend(given.device, training)
    except MambatrackError as error:
        parser.error(str(error))
    text, right = report(given.device, given.seconds)
    print(text)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
