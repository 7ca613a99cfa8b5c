"""Times every implementation of the bi-directional scan against the bandwidth of a copy.

    python -m mambatrack.kernels.bench [--device cuda] [--quick] > bench.md

Shapes are those of one block of the motion predictor: rows (tracks), tokens, channels (2 d_model),
16 states; random float32 inputs, seed 0, all options present, no padding. Bytes are those that have
to move: each input read once, each output written once; twice the inputs for forward + backward.
"""

import argparse
import importlib.metadata
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from mambatrack.kernels import BACKENDS, bi_selective_scan
from mambatrack.kernels.dispatch import why_not

STATES = 16
SHAPES = [
    (rows, tokens, d) for d in (128, 256) for rows in (20, 100, 300) for tokens in (3, 10, 30)
]
QUICK = [(20, 3, 128), (100, 3, 128), (100, 10, 256)]
TIMED = ("x", "dt", "B", "C", "z")


class Row(NamedTuple):
    """One line of the table; ms is the median, bandwidth in GB/s, share of a copy, error over the
    greatest value; graph: ms of a replayed CUDA graph."""

    shape: tuple[int, int, int]
    work: str
    backend: str
    ms: float
    bandwidth: float
    share: float
    error: float
    graph: float | None = None


def random_inputs(rows: int, tokens: int, channels: int, device: str) -> dict[str, Tensor]:
    """Stacked float32 inputs of bi_selective_scan."""
    g = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(2, *shape, generator=g).to(device)

    return {
        "x": normal(rows, tokens, channels),
        "dt": normal(rows, tokens, channels),
        "A": -torch.arange(1.0, STATES + 1, device=device).expand(2, channels, STATES).contiguous(),
        "B": normal(rows, tokens, STATES),
        "C": normal(rows, tokens, STATES),
        "D": normal(channels),
        "z": normal(rows, tokens, channels),
        "dt_bias": normal(channels) - 3,
    }


def median_ms(work: Callable[[], object], device: str, seconds: float) -> float:
    """Median time of a call: on a GPU between events; on a CPU with one thread the time that the
    processor spent, so that others on the machine count less."""
    for _ in range(3):
        work()
    times: list[float] = []
    until = time.perf_counter() + seconds
    while len(times) < 5 or (time.perf_counter() < until and len(times) < 2000):
        times.append(_once(work, device))
    return statistics.median(times)


def _once(work: Callable[[], object], device: str) -> float:
    if device != "cuda":
        clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
        start = clock()
        work()
        return 1e3 * (clock() - start)
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    first.record()
    work()
    last.record()
    last.synchronize()
    return first.elapsed_time(last)


def copy_bandwidth(device: str, seconds: float) -> float:
    """GB/s of torch's copy_ of 256 MB, read and written bytes together."""
    source = torch.zeros(2**26, device=device)
    target = torch.empty_like(source)
    ms = median_ms(lambda: target.copy_(source), device, seconds)
    return 2 * source.numel() * source.element_size() / ms / 1e6


def graph_ms(work: Callable[[], object], seconds: float) -> float | None:
    """Median time of a replay of ``work`` captured as a CUDA graph; None where it cannot be
    captured, as by a backend that waits for the GPU."""
    stream, current = torch.cuda.Stream(), torch.cuda.current_stream()
    stream.wait_stream(current)
    with torch.cuda.stream(stream):
        for _ in range(3):
            work()
    current.wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.stream(current), torch.cuda.graph(graph):
            work()
    except RuntimeError:
        return None
    return median_ms(graph.replay, "cuda", seconds)


def backends(device: str, gradient: bool) -> list[str]:
    """What can do the scan there, mamba-ssm last."""
    names = [
        name for name in BACKENDS[1:]
        if not why_not(
            name, "bi_selective_scan", torch.device(device), {torch.float32}, gradient
        )
    ]  # fmt: skip
    if device == "cpu":  # interpreted, it would say nothing about speed
        names = [name for name in names if name != "triton"]
    return names + (["mamba-ssm, two calls and flips"] if _mamba_ssm() and device == "cuda" else [])


def _mamba_ssm() -> Callable | None:
    try:
        from mamba_ssm.ops.selective_scan_interface import selective_scan_fn
    except ImportError:
        return None
    return selective_scan_fn


def scan(backend: str, case: dict[str, Tensor]) -> Tensor:
    """y [2, B, L, D]."""
    if not backend.startswith("mamba-ssm"):
        options: dict[str, Any] = {**case, "dt_softplus": True, "backend": backend}
        return cast(Tensor, bi_selective_scan(**options))
    call, both = _mamba_ssm(), []
    assert call is not None
    for g in (0, 1):
        x, dt, B, C, z = (case[name][g].flip(1) if g else case[name][g] for name in TIMED)
        x, dt, B, C, z = (each.transpose(1, 2).contiguous() for each in (x, dt, B, C, z))
        A, D, bias = (case[name][g] for name in ("A", "D", "dt_bias"))
        y = call(x, dt, A, B, C, D, z=z, delta_bias=bias, delta_softplus=True).transpose(1, 2)
        both.append(y.flip(1) if g else y)
    return torch.stack(both)


def results(backend: str, case: dict[str, Tensor], gradient: bool) -> list[Tensor]:
    """y, and with ``gradient`` the gradients of y's sum of squares."""
    if not gradient:
        with torch.no_grad():
            return [scan(backend, case)]
    given = {name: each.detach().requires_grad_() for name, each in case.items()}
    y = scan(backend, given)
    return [y, *torch.autograd.grad(y.square().sum(), list(given.values()))]


def greatest_error(got: list[Tensor], want: list[Tensor]) -> float:
    return max(
        float((a.detach().double() - b.detach()).abs().max() / b.detach().abs().max())
        for a, b in zip(got, want, strict=True)
    )


def measure(
    shape: tuple[int, int, int], gradient: bool, device: str, seconds: float, copied: float
) -> Iterator[Row]:
    """A row for each backend."""
    case = random_inputs(*shape, device)
    double = {name: each.double() for name, each in case.items()}
    want = results("reference", double, gradient)
    read, written = sum(each.nbytes for each in case.values()), case["x"].nbytes
    moved = 3 * read + 2 * written if gradient else read + written
    for backend in backends(device, gradient):

        def work(backend: str = backend) -> list[Tensor]:
            return results(backend, case, gradient)

        error = greatest_error(work(), want)
        ms = median_ms(work, device, seconds)
        bandwidth = moved / ms / 1e6
        graph = None
        if device == "cuda" and not gradient:
            graph = graph_ms(work, seconds)
        what = "forward + backward" if gradient else "forward"
        yield Row(shape, what, backend, ms, bandwidth, bandwidth / copied, error, graph)


def table(rows: list[Row]) -> str:
    """As markdown."""
    lines = [
        "| rows, tokens, channels | work | backend | ms | GB/s | of copy | error | graph, ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        shape, graph = ", ".join(map(str, row.shape)), f"{row.graph:.4f}" if row.graph else ""
        lines.append(
            f"| {shape} | {row.work} | {row.backend} | {row.ms:.3f} | {row.bandwidth:.2f} "
            f"| {row.share:.1%} | {row.error:.1e} | {graph} |"
        )
    return "\n".join(lines)


def machine(device: str) -> str:
    """Processor or GPU, threads, versions of what takes part."""
    name = torch.cuda.get_device_name() if device == "cuda" else _processor()
    versions = [f"Python {platform.python_version()}"]
    for package in ("torch", "triton", "mamba-ssm"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {package}")
    threads = torch.get_num_threads()
    clock = "CPU time" if device == "cpu" and threads == 1 else "elapsed time"
    return f"{name}, {threads} thread(s), {clock}; {', '.join(versions)}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m mambatrack.kernels.bench", description=__doc__)
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), help="default: cuda where there is one"
    )
    parser.add_argument("--quick", action="store_true", help="three shapes instead of all")
    parser.add_argument("--seconds", type=float, default=0.5, help="for each figure, default 0.5")
    parser.add_argument("--threads", type=int, default=1, help="of torch on a CPU, default 1")
    given = parser.parse_args(arguments)
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch sees no GPU; take --device cpu")
    device = given.device or ("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(given.threads)
    copied = copy_bandwidth(device, given.seconds)
    rows: list[Row] = []
    for shape in QUICK if given.quick else SHAPES:
        for gradient in (False, True):
            rows += measure(shape, gradient, device, given.seconds, copied)
    print(f"{machine(device)}; copy {copied:.1f} GB/s\n\n{table(rows)}")


if __name__ == "__main__":
    main()
