"""Embedders by name, or by the path of a network."""

from pathlib import Path

from mambatrack.appearance.embedder import Embedder
from mambatrack.embedders.colour import colour_embedder
from mambatrack.embedders.named import fetch_embedder, named_embedders
from mambatrack.errors import MambatrackError, shown
from mambatrack.nearest import did_you_mean
from mambatrack.settings import AppearanceConfig


def open_embedder(name: str, normalisation: str = "auto") -> Embedder:
    """colour, own, one of configs/embedders.yaml, which is fetched on first use, or the
    path of an ONNX or OpenVINO IR file (.onnx, .xml) or of one that train-embedder wrote
    (.safetensors). normalisation: of pixels for a file, as the setting
    appearance.normalisation. Raises MambatrackError where there is none of this name."""
    if name == "colour":
        return colour_embedder()
    if name == "own" or Path(name).suffix.lower() == ".safetensors":
        from mambatrack.embedders.own import SHIPPED, own_embedder

        return own_embedder(SHIPPED if name == "own" else Path(name))
    path, named = Path(name), named_embedders()
    if name in named:
        path, normalisation = fetch_embedder(named[name]), named[name].normalisation
    elif path.suffix.lower() not in (".onnx", ".xml"):
        raise MambatrackError(
            f"unknown embedder {shown(name)}; known: colour, own, {', '.join(named)}, or the path "
            "of an ONNX, OpenVINO or trained file (.onnx, .xml, .safetensors)"
            f"{did_you_mean(name, ('off', 'auto', 'colour', 'own', *named))}"
        )
    if not path.is_file():
        raise MambatrackError(f"the embedder {path} is not there; give the path of its file")
    from mambatrack.embedders.networks import open_onnx, open_openvino

    opener = open_openvino if path.suffix.lower() == ".xml" else open_onnx
    return opener(path, normalisation)


def configured_embedder(config: AppearanceConfig) -> Embedder | None:
    """That of the settings, None where none is named: auto is chosen before (automatic.py)."""
    return open_embedder(config.embedder, config.normalisation) if config.named else None
