"""One call of the window network in torch; on a GPU as CUDA graphs (graphs.py)."""

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mambatrack.boxes import Boxes
from mambatrack.networks.devices import check_backend, one_thread
from mambatrack.networks.graphs import Graphs, Recorder
from mambatrack.networks.window import MotionPredictor


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
    """TorchNetwork for a GPU, as graphs. The rows that fill a bucket have length 0 and change no
    other row. The model's weights must stay as they are.

    record: as of Graphs
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
        model.freeze()
        self.graphs = Graphs(self._run, device, 4, record)
        if q:
            self.graphs.start(4 * q + 1)

    def __call__(self, offsets: Boxes, lengths: NDArray[np.int64]) -> Boxes:
        """As motion.window_predictor.Network."""
        return self.graphs(offsets, lengths.astype(np.float32))

    def _run(self, given: Tensor) -> Tensor:
        return cast(Tensor, self.model(given[:, :-1].unflatten(1, (-1, 4)), given[:, -1].long()))
