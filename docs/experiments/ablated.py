r"""What each kind of feature is worth to the learned association.

    python docs/experiments/ablated.py --run run/ --data simulated-0 simulated-1 ... \
      --out ablated/ [--steps N]

``run/`` is the folder of a finished train-association of these data. For each group the network of
its last iteration is trained again on the same recordings, without these features; the first one
without any left out, for comparison. Then score them in one run:

    python docs/experiments/jittered.py --dataset data/dancetrack/val \
      --association ablated/*/association.safetensors
"""

import argparse
import json
from pathlib import Path

import torch

from mambatrack.association.features import ALONE, NAMES
from mambatrack.config import AssociationConfig
from mambatrack.datasets.sequences import find_detected_sequences
from mambatrack.learning.association_training import fit

GROUPS = {
    "nothing": (),
    "scores": ("score", "score_fast", "score_slow", "usual_score", "found_crowd_score",
               "crowd_score"),
    "sizes": ("wider", "higher", "wider_fast", "higher_fast", "wider_slow", "higher_slow"),
    "momentum": ("x_momentum", "y_momentum", "x_speed", "y_speed"),
    "predicted": ("iou", "cover_width", "cover_height", "x_moved", "y_moved", "left_moved",
                  "top_moved", "right_moved", "bottom_moved", "x_surprise", "y_surprise",
                  "spread_x", "spread_y"),
    "spread": ("x_surprise", "y_surprise", "spread_x", "spread_y"),
    "last": ("x_last", "y_last", "left_last", "top_last", "right_last", "bottom_last", "iou_last"),
    "depth": ("found_depth", "depth"),
    "neighbours": ("found_crowd", "found_depth", "x_found_crowd", "found_crowd_score",
                   "found_crowd_higher", "crowd", "depth", "x_crowd", "crowd_gap", "crowd_score",
                   "crowd_higher", "rival_of_track", "rival_of_detection"),
    "age": ("gap", "hits"),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, type=Path)
    parser.add_argument("--data", required=True, nargs="+")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--groups", nargs="+", default=list(GROUPS), choices=GROUPS)
    options = parser.parse_args()
    recipe = json.loads((options.run / "run.json").read_text(encoding="utf-8"))["association"]
    settings = AssociationConfig(**recipe)
    torch.set_num_threads(settings.threads)
    sequences = find_detected_sequences(options.data)
    newest = range(max(settings.iterations - settings.recent, 0), settings.iterations)
    pool = [options.run / f"iteration-{number}" for number in newest]
    for group in options.groups:
        target = options.out / group / "association.safetensors"
        steps = options.steps or settings.steps
        fit(pool, sequences, settings, steps, target, [], stage=group, unseen=GROUPS[group])


if __name__ == "__main__":
    assert {name for names in GROUPS.values() for name in names} <= {*NAMES, *ALONE}
    main()
