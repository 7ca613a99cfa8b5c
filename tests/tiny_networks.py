"""Weight files of small networks that nobody trained."""

import json

from safetensors.torch import save_file

from mambatrack.networks.causal import CausalMotionPredictor


def write_looking_back(folder):
    """The file of a small network with look-back."""
    path = folder / "back.safetensors"
    save_file(CausalMotionPredictor(16, 2, 4, back=4).state_dict(), path)
    size = {"kind": "causal-back", "d_model": 16, "layers": 2, "d_state": 4, "window": 9, "back": 4}
    card = {"architecture": size, "normalisation": {"unit": "box"}, "spread": [[0.1] * 4]}
    path.with_suffix(".json").write_text(json.dumps(card))
    return path
