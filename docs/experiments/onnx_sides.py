"""An ONNX file of YOLOX, without its last decoding, for pictures of another size.

python docs/experiments/onnx_sides.py yolox_nano.onnx 480 yolox_480.onnx
"""

import argparse

import onnx

CELLS = (8, 16, 32)  # pixels of a place


def with_side(model: onnx.ModelProto, side: int) -> onnx.ModelProto:
    """The same network for square pictures of so many pixels, a multiple of 32."""
    shape = model.graph.input[0].type.tensor_type.shape.dim
    shape[2].dim_value = shape[3].dim_value = side
    places = model.graph.output[0].type.tensor_type.shape.dim
    places[1].dim_value = sum((side // cell) ** 2 for cell in CELLS)
    del model.graph.value_info[:]
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("side", type=int)
    parser.add_argument("out")
    options = parser.parse_args()
    onnx.save(with_side(onnx.load(options.file), options.side), options.out)


if __name__ == "__main__":
    main()
