"""Untrained associations, and synthetic detections to try them on."""

import torch

from mambatrack import Tracker, load_config
from mambatrack.association.features import describe_pairs
from mambatrack.association.learned import LearnedAssociation
from mambatrack.association.loading import open_encoder
from mambatrack.association.overlap import OverlapAssociation
from mambatrack.association.scorer import Committee, CommitteeEncoder, PairScorer
from mambatrack.learning.association_network import PairNetwork
from mambatrack.simulation.world import simulate

WIDTH = 960


def small_config(**changes):
    values = {"steps": 6, "iterations": 2, "d_model": 8, "d_state": 4, "frames": 20, "pieces": 2}
    overrides = {f"association.{key}": value for key, value in (values | changes).items()}
    return load_config(None, {**overrides, "tracker.predictor": "kalman"})


def network(seed=0):
    """An untrained network whose decisions depend on everything it is given."""
    torch.manual_seed(seed)
    model = PairNetwork(8, 1, 4, 2)
    for name, buffer in model.named_buffers():
        if name.endswith("scale"):
            buffer.uniform_(0.5, 2)
        elif name.endswith("mean"):
            buffer.uniform_(-0.3, 0.3)
    return model


def learned(model, **changes):
    weights = {name: each.numpy() for name, each in model.state_dict().items()}
    encoder = {name[8:]: each for name, each in weights.items() if name[:8] == "encoder."}
    config = load_config(None, {f"tracker.{k}": v for k, v in changes.items()}).tracker
    return LearnedAssociation(PairScorer(weights), open_encoder(encoder), 8, config)


def committee(seeds, **changes):
    members = [learned(network(seed), **changes) for seed in seeds]
    sizes = [each.code_size for each in members]
    scorer = Committee([each.scorer for each in members], sizes)
    encoder = CommitteeEncoder([each.encoder for each in members])
    return LearnedAssociation(scorer, encoder, sum(sizes), members[0].config)


def track_with(association, frames, **changes):
    overrides = {"tracker.predictor": "kalman"} | changes
    tracker = Tracker(load_config(None, overrides), (WIDTH, 540), association=association)
    return [tracker.update(each) for each in frames]


def world(frames=40, seed=3):
    return [each.detections for each, _ in zip(simulate(seed=seed), range(frames), strict=False)]


class Kept(OverlapAssociation):
    """Matches what overlaps most, and keeps the features of the pairs it was given."""

    def __init__(self):
        config = load_config(None, {"tracker.match_score": 0.0, "tracker.birth_score": 0.0})
        super().__init__(config.tracker)
        self.given = []

    def describe(self, table, found, boxes):
        self.given.append(describe_pairs(table, found, boxes))
        return super().describe(table, found, boxes)
