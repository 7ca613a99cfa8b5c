"""A detector of train-detector as an ONNX file, in the layout of YOLOX, which this package and many
programs read.

``images`` [1, 3, side, side] float32, BGR from 0 to 255, the picture in the upper left corner and
grey (114) around it -> ``output`` [1, A, 6]: centre and size in pixels of the input, score, and 1,
the share of the only class. Boxes that overlap are still to be suppressed. The scans are written
out, so that the file has standard operators alone.
"""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mambatrack.config import DetectorConfig
from mambatrack.detectors import network_of
from mambatrack.detectors.own import NAMES, OwnDetector
from mambatrack.errors import MambatrackError
from mambatrack.files import check_output, replacing
from mambatrack.kernels.doubling_scan import selective_scan
from mambatrack.learning.detector_network import DetectorNetwork, inference_network
from mambatrack.networks.mamba import MambaBlock
from mambatrack.networks.onnx_writing import check_packages, open_onnx, write_onnx
from mambatrack.version import VERSION

LARGEST_ERROR = 1e-4  # of a score, and of a box as a share of its sides


class ExportedDetector(NamedTuple):
    """side: of its input, pixels;  error: the largest difference to what the package computes, as
    for LARGEST_ERROR"""

    path: Path
    side: int
    error: float


class DetectorGraph(nn.Module):
    """images -> output, as above."""

    inputs: tuple[str, ...] = ("images",)
    outputs: tuple[str, ...] = ("output",)

    def __init__(self, network: DetectorNetwork):
        super().__init__()
        self.network = network
        for each in network.modules():
            if isinstance(each, MambaBlock):
                each.scan = selective_scan

    def forward(self, images: Tensor) -> Tensor:
        said = self.network(images / 255 - 0.5)
        low, high = said.boxes[..., :2], said.boxes[..., 2:]
        score = said.scores.sigmoid()[..., None]
        return torch.cat([(low + high) / 2, high - low, score, torch.ones_like(score)], dim=-1)


def export_detector(config: DetectorConfig, out: str | Path, overwrite: bool) -> ExportedDetector:
    """Writes ``out``, and keeps it only if onnxruntime finds on it what the detector own finds.

    config: weights: of the detector, "own" for the shipped one;  side: of the input, that of the
    model card for 0
    Raises MissingExtra where a package is absent, MambatrackError for other weights, and where the
    file cannot be written or is not right.
    """
    check_packages()
    given = "" if config.weights == "own" else config.weights
    own = OwnDetector(network_of(replace(config, name="own", weights=given)))
    path = check_output(out, overwrite)
    graph = DetectorGraph(inference_network(own.weights))
    example = torch.zeros(1, 3, own.side, own.side)
    with replacing(path) as temporary:
        write_onnx(graph, (example,), _metadata(own), temporary)
        error = _error(temporary, own)
        if not error <= LARGEST_ERROR:
            raise MambatrackError(
                f"the ONNX file differs by {error:.1e} from what the package computes, expected at "
                f"most {LARGEST_ERROR:.0e}; {path} is not written. Other versions of torch, "
                "onnxscript or onnxruntime may do"
            )
    return ExportedDetector(path, own.side, error)


def _metadata(own: OwnDetector) -> dict[str, str]:
    return {
        "kind": "detector",
        "mambatrack": VERSION,
        "convention": "current",
        "names": str(dict(enumerate(NAMES))),
        "licence": own.card.get("licence", ""),
    }


def _error(path: Path, own: OwnDetector) -> float:
    """On a picture of noise, of all places."""
    picture = np.random.default_rng(1).integers(0, 256, (own.side, own.side, 3)).astype(np.float32)
    head = open_onnx(path).run(None, {"images": picture.transpose(2, 0, 1)[None]})[0][0]
    boxes, scores = own.network(picture[None] / np.float32(255) - np.float32(0.5), 0.0)
    sides = boxes[:, 2:] - boxes[:, :2]
    apart = np.hstack([head[:, :2] - sides / 2 - boxes[:, :2], head[:, 2:4] - sides]) / np.tile(
        sides, 2
    )
    return float(max(np.abs(apart).max(), np.abs(head[:, 4] - scores).max()))
