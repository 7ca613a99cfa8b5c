"""Scores of pairs: one network or a committee, in numpy, in C and in torch."""

import numpy as np
import torch

from association_models import WIDTH, committee, learned, network, track_with, world
from mambatrack import Tracker, load_config
from mambatrack.association.features import NAMES
from mambatrack.association.loading import open_encoder
from mambatrack.association.scorer import PairScorer
from mambatrack.learning.association_pieces import IndexedRecording, join
from mambatrack.learning.association_recording import Recorder
from mambatrack.networks.units import CODE_LIMIT


def test_network_in_numpy_equals_torch_along_a_whole_video(sequences):
    """The codes of the histories, carried from frame to frame, are those of whole sequences."""
    model = network()
    policy = learned(model, birth_odds=-20.0, match_odds=-20.0)
    table = np.loadtxt(sequences[1][0].det_path, delimiter=",")
    seen = []
    decide = policy.scorer.__call__

    def noted(given, code):
        scores = decide(given, code)
        seen.append((given, scores))
        return scores

    class Noting(PairScorer):
        def __init__(self):
            pass

        tokens = policy.scorer.tokens
        __call__ = staticmethod(noted)

    policy.scorer = Noting()
    people = [np.zeros(int((table[:, 0] == frame + 1).sum()), np.int64) for frame in range(60)]
    recorder = Recorder(people, policy)
    frames = [table[table[:, 0] == frame + 1] for frame in range(60)]
    rows = [np.column_stack([f[:, 2:4], f[:, 2:4] + f[:, 4:6], f[:, 6]]) for f in frames]
    track_with(recorder, rows)
    recording = recorder.recording()
    exact = np.concatenate([given.features for given, _ in seen], axis=1)
    batch = join([IndexedRecording.of(recording).cut(0, 60, False)])
    batch = batch._replace(features=torch.from_numpy(exact.T.copy()))
    with torch.no_grad():
        logits = model.eval()(batch)
    odds = 2 * logits.pairs - logits.lost[batch.tracks] - logits.unmatched[batch.detections]
    ours = np.concatenate([scores.pairs for _, scores in seen])
    assert len(ours) > 200
    assert (batch.lengths > 20).any()
    np.testing.assert_allclose(ours, odds.numpy(), atol=2e-4)


def test_a_committee_gives_the_mean_and_keeps_the_histories_apart():
    both, seen = committee([1, 2], match_odds=-20.0), []
    alone = [learned(network(seed)) for seed in (1, 2)]
    histories = [np.zeros((0, each.memory_size), np.float32) for each in alone]
    score, remember = both.score, both.remember

    def scored(problems):
        (problem,) = problems
        given = problem.candidates._replace(sure_by=np.inf)
        (ours,), near = score([problem._replace(candidates=given)]), np.unique(given.detections)
        codes = [each[:, : one.code_size] for each, one in zip(histories, alone, strict=True)]
        odds = [one.scorer(given, c) for one, c in zip(alone, codes, strict=True)]
        np.testing.assert_allclose(ours.pairs, (odds[0].pairs + odds[1].pairs) / 2, atol=1e-4)
        people = (odds[0].people + odds[1].people) / 2
        np.testing.assert_allclose(ours.people[near], people[near], atol=1e-4)
        return [ours]

    def remembered(problems, decisions):
        remember(problems, decisions)
        for one, memory in zip(alone, histories, strict=True):
            one.remember([problems[0]._replace(table={"memory": memory})], decisions)
        seen.append(len(decisions[0].chosen))

    both.score, both.remember = scored, remembered
    config = load_config(None, {"tracker.predictor": "kalman", "tracker.hypotheses": 1})
    tracker = Tracker(config, association=both)
    for frame in world(30):
        tracker.update(frame)
        count = len(tracker.state.hypotheses.table)
        for number, old in enumerate(histories):  # nobody ends in so few frames
            histories[number] = np.zeros((count, old.shape[1]), np.float32)
            histories[number][: len(old)] = old
    assert sum(seen) > 100


def test_a_history_that_the_encoder_never_met_does_not_drown_the_others():
    """Once in hours a code of forty times the usual size had everybody around born anew."""
    association = learned(network())
    encoder = association.encoder

    class Wild:
        carried_size = encoder.carried_size

        def __call__(self, tokens, carried, rows=None):
            return 1e4 * encoder(tokens, carried, rows)

    association.encoder = Wild()
    tracker = Tracker(association=association, image_size=(WIDTH, 540))
    largest = 0.0
    for detections in world():
        tracker.update(detections)
        largest = max(
            largest, float(np.abs(tracker.state.hypotheses.table["memory"][:, :8]).max(initial=0))
        )
    assert largest == CODE_LIMIT


def test_encoder_in_torch_equals_the_one_in_c(monkeypatch):
    weights = {
        name[8:]: each.numpy()
        for name, each in network().state_dict().items()
        if name[:8] == "encoder."
    }
    monkeypatch.setenv("MAMBATRACK_BACKEND", "torch")
    plain = open_encoder(weights)
    monkeypatch.delenv("MAMBATRACK_BACKEND")
    fast = open_encoder(weights)
    rng = np.random.default_rng(0)
    ours = np.zeros((5, plain.carried_size), np.float32)
    theirs = np.zeros((5, fast.carried_size), np.float32)
    for _ in range(6):
        rows = rng.permutation(5)[:3]
        tokens = rng.normal(size=(3, len(NAMES))).astype(np.float32)
        np.testing.assert_allclose(plain(tokens, ours, rows), fast(tokens, theirs, rows), atol=1e-5)
