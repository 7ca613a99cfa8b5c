"""A torch module as an ONNX file; what all exports share."""

import contextlib
import importlib.util
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from mambatrack.errors import MissingExtra

PACKAGES = ("onnx", "onnxscript", "onnxruntime")


class Graph(Protocol):
    """A module with the names of what it takes and gives."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def check_packages() -> None:
    """Raises MissingExtra where one is absent that an export needs."""
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(package, "export", "writing an ONNX file")


def write_onnx(
    graph: Graph,
    example: tuple[Tensor, ...],
    metadata: Mapping[str, str],
    path: Path,
    dynamic_shapes: dict | None = None,
) -> None:
    """Writes ``graph``, a torch.nn.Module that takes an ``example``; dynamic_shapes: of its inputs,
    as torch.export has them."""
    with _quiet():
        program = torch.onnx.export(
            graph,  # type: ignore[arg-type]
            example,
            input_names=graph.inputs,
            output_names=graph.outputs,
            dynamic_shapes=dynamic_shapes,
            dynamo=True,
            verbose=False,
        )
        assert program is not None
        for node in program.model.graph:
            node.metadata_props.clear()  # where in the code it comes from: half of the file
        program.model.metadata_props.update(metadata)
        program.save(path, external_data=False)


def open_onnx(path: Path) -> Any:
    """A session of onnxruntime on the CPU."""
    import onnxruntime

    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks on packages and on its own future."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
