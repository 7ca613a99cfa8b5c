"""The weights of an ONNX file in 8 bits, as those of the predictor that it was made of."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.networks.eight_bits import STEPS, Stored, matrices_of


def store_in_eight_bits(path: Path, stored: Stored) -> None:
    """Rewrites the file: every matrix of ``stored`` becomes its numbers and steps, of which the
    model makes the matrix again (DequantizeLinear, operator set 13 and later). The same numbers
    come out. Nothing is done where none is stored in 8 bits.
    """
    import onnx

    if STEPS not in stored:
        return
    model = onnx.load(path)
    for tensor in list(model.graph.initializer):
        source = _source(onnx.numpy_helper.to_array(tensor), stored)
        if source is not None:
            model.graph.initializer.remove(tensor)
            _restore(model.graph, tensor.name, *source)
    onnx.save(model, path)


def _source(array: NDArray, stored: Stored) -> tuple[NDArray, NDArray, bool] | None:
    """The numbers and steps of which the array is made, and whether it is transposed then."""
    for numbers, steps in matrices_of(stored).values():
        matrix = numbers * steps[:, None]
        for transposed, each in enumerate((matrix, matrix.T)):
            if np.array_equal(array, each):
                return numbers, steps, bool(transposed)
    return None


def _restore(graph: Any, name: str, numbers: NDArray, steps: NDArray, transposed: bool) -> None:
    """Adds what makes the array ``name``. The steps are always of the first axis: onnxruntime takes
    a product with a matrix that has them on the second for one in 8 bits, inputs included."""
    from onnx import helper, numpy_helper

    parts, rows = [f"{name}.numbers", f"{name}.steps"], f"{name}.rows" if transposed else name
    for part, array in zip(parts, (numbers, steps), strict=True):
        graph.initializer.append(numpy_helper.from_array(array, part))
    if transposed:
        graph.node.insert(0, helper.make_node("Transpose", [rows], [name], perm=[1, 0]))
    graph.node.insert(0, helper.make_node("DequantizeLinear", parts, [rows], axis=0))
