"""A network's calls on a GPU as CUDA graphs, one launch for all operations, a graph per bucket of
rows.

The graphs have not run on a GPU yet; their buckets and buffers are tested on the CPU.
"""

import threading
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BUCKETS = (16, 32, 64, 128, 304, 608, 1216)  # rows of a graph; more tracks go in pieces of the last
AT_START = 304  # rows of the largest graph that is recorded before the first call
CAPTURING = threading.Lock()  # torch allows one capture at a time in a process
WARM_UPS = 3  # runs before recording: kernels are compiled, libraries fetch their workspaces

Floats = NDArray[np.float32]
Run = Callable[[Tensor], Tensor]
Recorder = Callable[[Run, Tensor], tuple[Callable[[], None], Tensor]]


class Recording(NamedTuple):
    """A bucket's buffers [rows, width] on the host and the device; what computes ``result``
    [rows, outputs] from the latter; where this goes on the host. Both buffers on the host are
    pinned for a GPU."""

    host: Tensor
    given: Tensor
    replay: Callable[[], None]
    result: Tensor
    answer: Tensor


class Graphs:
    """``run`` on a device, [rows, width] float32 -> [rows, outputs], for numpy.

    A call is one copy in, one replay, one copy out. The rows that fill a bucket are zeros. What
    ``run`` reads beside its argument must stay where it is, else forget() it. Where a graph cannot
    be recorded the network runs as it is, with a warning. Threads take turns. A copy, and what is
    unpickled, records its own graphs at the first calls. Not run on a GPU yet.
    record: capture, or eager, which has no graph and runs everywhere
    """

    def __init__(self, run: Run, device: str, outputs: int, record: Recorder | None = None):
        self.run, self.device, self.outputs = run, device, outputs
        self.record = record or (capture if torch.device(device).type == "cuda" else eager)
        self.recordings: dict[tuple[int, int], Recording] = {}
        self._turn = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "recordings": {}, "_turn": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _turn=threading.Lock())

    def start(self, width: int) -> None:
        """Records the graphs of up to AT_START rows, so that a growing crowd waits for none; larger
        ones are recorded at the first call that needs them."""
        with torch.inference_mode():
            for rows in BUCKETS:
                if rows <= AT_START:
                    self._recording(rows, width)

    def forget(self) -> None:
        """Records anew what was recorded, as what ``run`` reads has gone elsewhere."""
        known, self.recordings = list(self.recordings), {}
        with torch.inference_mode():
            for rows, width in known:
                self._recording(rows, width)

    def __call__(self, *parts: NDArray) -> Floats:
        """parts [N, ...], the columns of the rows, side by side -> [N, outputs]."""
        most, count = BUCKETS[-1], len(parts[0])
        with self._turn, torch.inference_mode():
            found = [
                self._piece([each[at : at + most].reshape(-1, _width(each)) for each in parts])
                for at in range(0, count, most)
            ]
        return np.concatenate(found) if found else np.zeros((0, self.outputs), np.float32)

    def _piece(self, parts: list[NDArray]) -> Floats:
        count, width = len(parts[0]), sum(each.shape[1] for each in parts)
        recording = self._recording(bucket(count), width)
        host = recording.host.numpy()
        np.concatenate(parts, axis=1, out=host[:count], casting="same_kind")
        host[count:] = 0
        recording.given.copy_(recording.host, non_blocking=True)
        recording.replay()
        recording.answer.copy_(recording.result, non_blocking=True)
        if recording.result.is_cuda:
            torch.cuda.current_stream(recording.result.device).synchronize()
        return recording.answer.numpy()[:count].copy()

    def _recording(self, rows: int, width: int) -> Recording:
        if (rows, width) not in self.recordings:
            self.recordings[rows, width] = self._recorded(rows, width)
        return self.recordings[rows, width]

    def _recorded(self, rows: int, width: int) -> Recording:
        pinned = torch.device(self.device).type == "cuda"
        host, answer = (
            torch.zeros(rows, each, pin_memory=pinned) for each in (width, self.outputs)
        )
        given = host.to(self.device, copy=True)
        try:
            replay, result = self.record(self.run, given)
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            warnings.warn(f"no CUDA graph, so predictions are slower: {reason}", stacklevel=5)
            self.record = eager
            replay, result = eager(self.run, given)
        return Recording(host, given, replay, result, answer)


def _width(part: NDArray) -> int:
    """Columns of a part [N, ...]."""
    return int(np.prod(part.shape[1:], dtype=np.int64))


def bucket(count: int) -> int:
    """The smallest of BUCKETS that holds ``count`` rows, at most BUCKETS[-1]."""
    return next(rows for rows in BUCKETS if rows >= count)


def capture(run: Run, given: Tensor) -> tuple[Callable[[], None], Tensor]:
    """run(given) as a CUDA graph -> what replays it, and the tensor that it writes. Other threads
    may use the GPU meanwhile. Not run on a GPU yet."""
    graph = torch.cuda.CUDAGraph()
    with CAPTURING, torch.cuda.device(given.device):
        current = torch.cuda.current_stream()
        side, stream = torch.cuda.Stream(), torch.cuda.Stream()
        side.wait_stream(current)
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                run(given)
        current.wait_stream(side)
        # a capture that fails leaves its stream the current one; the outer block takes it back
        with (
            torch.cuda.stream(current),
            torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"),
        ):
            result = run(given)
    return graph.replay, result


def eager(run: Run, given: Tensor) -> tuple[Callable[[], None], Tensor]:
    """The same without a graph, on any device."""
    result = run(given).clone()

    def replay() -> None:
        result.copy_(run(given))

    return replay, result
