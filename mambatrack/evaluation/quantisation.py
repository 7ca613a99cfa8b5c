"""A network's weights in 8 bits, written as a file of their own, and what that changes.

>>> made = quantise("run/association.safetensors", "small.safetensors", find_sequences("data/mine"))
>>> made.size, made.size_before, made.error
"""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mambatrack.association import loading as associations
from mambatrack.config import DetectorConfig, TrackerConfig
from mambatrack.datasets.sequences import Sequence as MotSequence
from mambatrack.detectors import own as detectors
from mambatrack.embedders import own as embedders
from mambatrack.errors import MambatrackError
from mambatrack.evaluation.twins import (
    Parts,
    TwinAssociation,
    TwinPredictor,
    differences,
    follow,
)
from mambatrack.files import Read, check_apart, check_output, sha256
from mambatrack.gaps import filling as gaps
from mambatrack.motion.loading import load_predictor, weights_path
from mambatrack.networks.eight_bits import STEPS, in_eight_bits
from mambatrack.networks.model_files import (
    KINDS,
    SHIPPED,
    kind_of,
    load_weights,
    read_card,
    write_weights,
)
from mambatrack.networks.weight_files import deflated, read_weights
from mambatrack.tracking.tracker import Tracker

KNOWN = (*SHIPPED, *associations.SHIPPED)
CHECKS: dict[str, Callable[[Path], object]] = {  # of the kinds that nothing is compared of
    detectors.KIND: lambda path: detectors.OwnDetector(DetectorConfig(weights=str(path))),
    embedders.KIND: embedders.own_embedder,
    gaps.KIND: gaps.GapFiller,
}
ALL_KINDS = (*KINDS, associations.KIND, *CHECKS)
Report = Callable[[int], None]  # how many sequences are done


@dataclass(frozen=True)
class Quantised:
    """A file that was written.

    size, size_before: bytes of both files
    error: of a predictor, how far predicted boxes are from those before as a share of the box's
        sides ("boxes"); of an association, how far log-odds are ("odds"), and the share of frames
        that are matched otherwise ("matched_otherwise"). Empty where nothing was tracked
    """

    path: Path
    kind: str
    size: int
    size_before: int
    error: dict[str, Any]


def quantise(
    network: str | Path,
    out: str | Path,
    sequences: Iterable[MotSequence] = (),
    config: TrackerConfig | None = None,
    overwrite: bool = False,
    report: Report = lambda done: None,
) -> Quantised:
    """Writes the weights of a network in 8 bits, with a model card.

    network: the path of a .safetensors file: of a predictor, an association, a detector, an
        embedder, or of what fills gaps; those that ship are in 8 bits already
    sequences: are tracked with detections of their own by both, to measure the difference, if it
        is a predictor or an association; config: the tracker that does it
    Raises MambatrackError where the network is no such one, damaged, or in 8 bits already.
    """
    path, out = _path_of(network), _checked_output(Path(out), overwrite)
    check_apart([Read(path, "the network")], [out, out.with_suffix(".json")])
    card = read_card(path, ALL_KINDS, ", ".join(KNOWN))
    if "quantised" in card:
        raise MambatrackError(f"{path} is in 8 bits already; give the weights that it was made of")
    kind, sequences = kind_of(card, ALL_KINDS), list(sequences)
    _check(path, kind)
    if sequences and kind in CHECKS:
        raise MambatrackError(
            f"{path} is a network of kind {kind}: only predictors and associations are compared on "
            "detections; leave the data set out"
        )
    content = _content(path)
    card["quantised"] = {"bits": 8, "of_sha256": sha256(path)}
    error: dict[str, Any] = {}
    if sequences:
        error = _measured(path, content, card, sequences, config or TrackerConfig(), report)
        names = [each.name for each in sequences]
        card["quantised"] |= {"measured_on": names, "error": error}
    write_weights(out, content, card)
    return Quantised(out, kind, len(content), path.stat().st_size, error)


def _path_of(network: str | Path) -> Path:
    if str(network) in associations.SHIPPED:
        return associations.SHIPPED[str(network)]
    path = weights_path(network)
    if path is None:
        raise MambatrackError(
            f"{network} has no network; give {', '.join(KNOWN)}, or a trained .safetensors file"
        )
    return path


def _checked_output(out: Path, overwrite: bool) -> Path:
    if out.suffix != ".safetensors":
        raise MambatrackError(f"{out} expected to end in .safetensors; name it so")
    check_output(out.with_suffix(".json"), overwrite)
    return check_output(out, overwrite)


def _check(path: Path, kind: str) -> None:
    """Raises MambatrackError where the weights are not those of a network of this kind."""
    if kind in CHECKS:
        CHECKS[kind](path)
    elif kind == associations.KIND:
        associations.load_weights(path)
    else:
        load_weights(path)


def _content(path: Path) -> bytes:
    """Of the .safetensors file with the weights in 8 bits."""
    from safetensors.numpy import save

    weights = read_weights(path, half=True)
    if STEPS in weights:
        raise MambatrackError(f"{path} has a weight named {STEPS}; it is no network of mambatrack")
    return deflated(save(in_eight_bits(weights)))


def _measured(
    path: Path,
    content: bytes,
    card: dict[str, Any],
    sequences: Sequence[MotSequence],
    config: TrackerConfig,
    report: Report,
) -> dict[str, Any]:
    """The difference between the network and the same with ``content``, on all sequences."""
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "other.safetensors"
        write_weights(other, content, card)
        if kind_of(card, ALL_KINDS) == associations.KIND:
            return _of_associations(path, other, sequences, config, report)
        return _of_predictors(path, other, sequences, config, report)


def _of_predictors(
    path: Path,
    other: Path,
    sequences: Sequence[MotSequence],
    config: TrackerConfig,
    report: Report,
) -> dict[str, Any]:
    apart = []
    for done, sequence in enumerate(sequences, 1):
        load = partial(load_predictor, image_size=sequence.image_size, device=config.device)
        twins = TwinPredictor(load(path), load(other))
        follow(sequence, Tracker(config, sequence.image_size, predictor=twins))
        apart += twins.apart
        report(done)
    return {"boxes": differences(apart)}


def _of_associations(
    path: Path,
    other: Path,
    sequences: Sequence[MotSequence],
    config: TrackerConfig,
    report: Report,
) -> dict[str, Any]:
    both = (associations.load_weights(each) for each in (path, other))
    first, second = (Parts(*associations.committee_of(each)) for each in both)
    twins = TwinAssociation(first, second, config)
    for done, sequence in enumerate(sequences, 1):
        follow(sequence, Tracker(config, sequence.image_size, association=twins))
        report(done)
    share = float(np.mean(twins.otherwise))
    return {"odds": differences(twins.apart), "matched_otherwise": round(share, 5)}
