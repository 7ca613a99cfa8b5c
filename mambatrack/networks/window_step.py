"""One call of the window network in torch; on a GPU as CUDA graphs, one launch for all operations.

The graphs have not run on a GPU yet; their buckets and buffers are tested on the CPU.
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mambatrack.boxes import Boxes
from mambatrack.networks.devices import check_backend, one_thread
from mambatrack.networks.window import BiMambaBlock, MotionPredictor

BUCKETS = (16, 32, 64, 128, 304, 608, 1216)  # rows of a graph; more tracks go in pieces of the last
AT_START = 304  # rows of the largest graph that is recorded before the first call
WARM_UPS = 3  # runs before recording: kernels are compiled, libraries fetch their workspaces

Run = Callable[[Tensor], Tensor]
Recorder = Callable[[Run, Tensor], tuple[Callable[[], None], Tensor]]


class Recording(NamedTuple):
    """A bucket's buffers [rows, 4 q + 1] on the host and the device, offsets and then the length;
    what computes ``boxes`` [rows, 4] from the latter; where these go on the host. Both buffers on
    the host are pinned for a GPU."""

    host: Tensor
    given: Tensor
    replay: Callable[[], None]
    boxes: Tensor
    answer: Tensor


class TorchNetwork:
    """A window.MotionPredictor on a device, for numpy."""

    def __init__(self, model: MotionPredictor, device: str = "cpu"):
        check_backend(device)
        self.model, self.device = model.eval().to(device), device

    def __call__(self, offsets: Boxes, lengths: NDArray[np.int64]) -> Boxes:
        with torch.inference_mode(), one_thread():
            given = (torch.from_numpy(each).to(self.device) for each in (offsets, lengths))
            return self.model(*given).cpu().numpy()


class GraphNetwork:
    """TorchNetwork for a GPU: a CUDA graph per bucket. Those of up to AT_START rows are recorded at
    the start, so that a growing crowd waits for none, larger ones at the first call that needs it.

    A call is one copy in, one replay, one copy out. The rows that fill a bucket have length 0 and
    change no other row. The model's weights must stay as they are. Where a graph cannot be recorded
    the network runs as it is, with a warning. Not run on a GPU yet.
    record: capture, or eager, which has no graph and runs everywhere.
    q: offsets of a track in the calls to come; 0: not known, and nothing is recorded at the start
    """

    def __init__(
        self,
        model: MotionPredictor,
        device: str = "cuda",
        record: Recorder | None = None,
        q: int = 0,
    ):
        check_backend(device)
        self.model, self.device = model.eval().to(device), device
        self.record = record or capture
        self.recordings: dict[tuple[int, int], Recording] = {}
        for block in model.blocks:
            cast(BiMambaBlock, block).freeze()
        if q:
            with torch.inference_mode():
                for rows in BUCKETS:
                    if rows <= AT_START:
                        self._recording(rows, q)

    def __call__(self, offsets: Boxes, lengths: NDArray[np.int64]) -> Boxes:
        """As motion.window_predictor.Network."""
        most = BUCKETS[-1]
        pieces = [slice(at, at + most) for at in range(0, len(offsets), most)]
        with torch.inference_mode():
            found = [self._piece(offsets[each], lengths[each]) for each in pieces]
        return np.concatenate(found) if found else np.zeros((0, 4), np.float32)

    def _piece(self, offsets: Boxes, lengths: NDArray[np.int64]) -> Boxes:
        count, q = offsets.shape[:2]
        recording = self._recording(bucket(count), q)
        host = recording.host.numpy()
        host[:count, :-1], host[:count, -1] = offsets.reshape(count, 4 * q), lengths
        host[count:, -1] = 0
        recording.given.copy_(recording.host, non_blocking=True)
        recording.replay()
        recording.answer.copy_(recording.boxes, non_blocking=True)
        if recording.boxes.is_cuda:
            torch.cuda.current_stream(recording.boxes.device).synchronize()
        return recording.answer.numpy()[:count].copy()

    def _recording(self, rows: int, q: int) -> Recording:
        if (rows, q) not in self.recordings:
            self.recordings[rows, q] = self._recorded(rows, q)
        return self.recordings[rows, q]

    def _recorded(self, rows: int, q: int) -> Recording:
        pinned = torch.device(self.device).type == "cuda"
        host, answer = (torch.zeros(rows, each, pin_memory=pinned) for each in (4 * q + 1, 4))
        given = host.to(self.device, copy=True)
        try:
            replay, boxes = self.record(self._run, given)
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            warnings.warn(f"no CUDA graph, so predictions are slower: {reason}", stacklevel=5)
            self.record = eager
            replay, boxes = eager(self._run, given)
        return Recording(host, given, replay, boxes, answer)

    def _run(self, given: Tensor) -> Tensor:
        return cast(Tensor, self.model(given[:, :-1].unflatten(1, (-1, 4)), given[:, -1].long()))


def bucket(count: int) -> int:
    """The smallest of BUCKETS that holds ``count`` rows, at most BUCKETS[-1]."""
    return next(rows for rows in BUCKETS if rows >= count)


def capture(run: Run, given: Tensor) -> tuple[Callable[[], None], Tensor]:
    """run(given) as a CUDA graph -> what replays it, and the tensor that it writes. Other threads
    may use the GPU meanwhile. Not run on a GPU yet."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(given.device):
        side, stream = torch.cuda.Stream(), torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                run(given)
        torch.cuda.current_stream().wait_stream(side)
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            result = run(given)
    return graph.replay, result


def eager(run: Run, given: Tensor) -> tuple[Callable[[], None], Tensor]:
    """The same without a graph, on any device."""
    result = run(given).clone()

    def replay() -> None:
        result.copy_(run(given))

    return replay, result
