r"""A causal predictor that goes on learning from trained weights, on other data.

    python docs/experiments/motion_from.py --weights mambatrack-causal.safetensors \
      --dataset dancers-0 walkers-weak ... --out tuned/ \
      --set training.steps=1500 training.rate=0.03
"""

import argparse
from pathlib import Path

import torch

from mambatrack.config import load_config
from mambatrack.learning.checkpoints import names_of, recipe_of
from mambatrack.learning.loop import Run, silent
from mambatrack.learning.loop import train as run_training
from mambatrack.learning.motion_training import FREE, MotionLearner
from mambatrack.learning.processes import join_processes
from mambatrack.networks.weight_files import read_weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", required=True, type=Path)
    parser.add_argument("--dataset", required=True, nargs="+", type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--set", nargs="+", metavar="KEY=VALUE", default=[])
    options = parser.parse_args()
    torch.set_num_threads(1)
    given = dict(each.split("=", 1) for each in options.set)
    settings = load_config("train-causal", given).training
    with join_processes(torch.device("cpu")) as processes:
        learner = MotionLearner(options.dataset, settings, processes, 0.0)
        weights = read_weights(options.weights)
        learner.model.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
        sequences = learner.data.learnt + learner.data.held_out
        recipe = recipe_of("training", settings, names_of(sequences), FREE, 0.0)
        target = options.out / "predictor.safetensors"
        run_training(learner, Run(
            target, settings.kind, recipe, settings.steps, settings.checkpoint_every,
            report=silent, processes=processes,
        ))  # fmt: skip


if __name__ == "__main__":
    main()
