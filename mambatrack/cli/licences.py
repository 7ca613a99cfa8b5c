"""What may be used for commercial purposes: code, shipped weights, named detectors and embedders.

The words of a licence decide, as the model cards, configs/detectors.yaml and configs/embedders.yaml
have them; nothing here is legal advice.
"""

import re
from collections.abc import Iterator

from mambatrack.detectors.download import named_models
from mambatrack.embedders.named import named_embedders
from mambatrack.networks.card_values import parse_card
from mambatrack.networks.model_files import WEIGHTS

CODE = "Apache-2.0"
FREE = ("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CC BY 4.0")
RESTRICTED = re.compile(r"non-?commercial|\bBY-NC\b", re.IGNORECASE)
GAPS = "--offline, --revise, --lag, --line, --zone"
# weights -> the settings that read them
NEEDED_FOR = {
    "mambatrack-causal": "--predictor mamba",
    "mambatrack-window": "--predictor mamba-window, the default",
    "mambatrack-association": "--association learned, the default",
    "mambatrack-association-light": "--association light",
    "mambatrack-refill": GAPS,
    "mambatrack-detector": "--detector own",
    "mambatrack-embedder": "--appearance own",
}
PLAIN = f"--predictor kalman --association overlap --detector motion, without {GAPS}"


def commercial_use(licence: str) -> str:
    """Yes, no, or that it has to be read, with the licence."""
    if RESTRICTED.search(licence):
        return f"no: {licence}"
    if licence in FREE:
        return f"yes: {licence}"
    return f"read the licence: {licence or 'none is told'}"


def licence_rows() -> Iterator[tuple[str, str, str]]:
    """(part, what needs it, whether it is free for commercial use)"""
    yield "code", "everything", commercial_use(CODE)
    yield "no weights", PLAIN, commercial_use(CODE)
    for path in sorted(WEIGHTS.glob("*.json")):
        try:
            licence = str(parse_card(path).get("licence", ""))
        except (OSError, ValueError):
            licence = ""
        yield path.stem, NEEDED_FOR.get(path.stem, ""), commercial_use(licence)
    for name, model in named_models().items():
        yield f"{name}.onnx", f"--detector {name}", commercial_use(model.licence)
    for name, embedder in named_embedders().items():
        yield name, f"--appearance {name}", commercial_use(embedder.licence)
