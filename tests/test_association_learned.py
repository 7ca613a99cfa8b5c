"""The learned association: features, network in torch and in numpy, recordings, training."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from mambatrack import MambatrackError, Tracker, load_config
from mambatrack.association.features import ALONE, NAMES, best_other, describe_pairs, neighbours
from mambatrack.association.learned import LearnedAssociation
from mambatrack.association.loading import open_encoder, split_members
from mambatrack.association.overlap import OverlapAssociation
from mambatrack.association.scorer import Committee, CommitteeEncoder, PairScorer
from mambatrack.datasets.sequences import find_sequences
from mambatrack.learning.association_network import PairNetwork, pair_loss
from mambatrack.learning.association_pieces import IndexedRecording, distrusted, join, mirrored
from mambatrack.learning.association_recording import Recorder, Recording, record
from mambatrack.learning.association_training import train_association
from mambatrack.networks.units import CODE_LIMIT
from mambatrack.simulation.world import simulate, write_sequence

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


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    for seed in range(2):
        write_sequence(root / f"S{seed}", seed=seed, frames=60)
    return root, find_sequences(root)


def track_with(association, frames, **changes):
    overrides = {"tracker.predictor": "kalman"} | changes
    tracker = Tracker(load_config(None, overrides), (WIDTH, 540), association=association)
    return [tracker.update(each) for each in frames]


def world(frames=40, seed=3):
    return [each.detections for each, _ in zip(simulate(seed=seed), range(frames), strict=False)]


def turned(detections):
    """The same scene in a mirror."""
    boxes = detections.boxes[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [WIDTH, 0, WIDTH, 0]
    return np.column_stack([boxes, detections.scores, detections.labels])


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


def committee(seeds, **changes):
    members = [learned(network(seed), **changes) for seed in seeds]
    sizes = [each.code_size for each in members]
    scorer = Committee([each.scorer for each in members], sizes)
    encoder = CommitteeEncoder([each.encoder for each in members])
    return LearnedAssociation(scorer, encoder, sum(sizes), members[0].config)


def test_a_committee_of_one_network_twice_decides_as_it_does():
    alone, twice = (track_with(each, world()) for each in (learned(network(1)), committee([1, 1])))
    for one, two in zip(alone, twice, strict=True):
        assert one.ids.tolist() == two.ids.tolist() and np.array_equal(one.boxes, two.boxes)


def test_a_committee_gives_the_mean_and_keeps_the_histories_apart():
    both, seen = committee([1, 2], match_odds=-20.0), []
    alone = [learned(network(seed)) for seed in (1, 2)]
    histories = [np.zeros((0, each.memory_size), np.float32) for each in alone]
    score, remember = both.score, both.remember

    def scored(problems):
        (problem,), (ours,) = problems, score(problems)
        codes = [each[:, : one.code_size] for each, one in zip(histories, alone, strict=True)]
        odds = [one.scorer(problem.candidates, c) for one, c in zip(alone, codes, strict=True)]
        np.testing.assert_allclose(ours.pairs, (odds[0].pairs + odds[1].pairs) / 2, atol=1e-4)
        np.testing.assert_allclose(ours.people, (odds[0].people + odds[1].people) / 2, atol=1e-4)
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


def test_features_in_a_mirror_are_the_mirrored_features():
    """One frame after another: what is learnt on the left side holds on the right."""
    plain, other = Kept(), Kept()
    frames = world()
    track_with(plain, frames)
    track_with(other, [turned(each) for each in frames])
    assert len(plain.given) == len(other.given) == len(frames)
    for ours, theirs in zip(plain.given, other.given, strict=True):
        np.testing.assert_array_equal(ours.tracks, theirs.tracks)
        np.testing.assert_allclose(mirrored(ours.features.T, NAMES), theirs.features.T, atol=2e-3)
        np.testing.assert_allclose(mirrored(ours.alone.T, ALONE), theirs.alone.T, atol=2e-3)


def test_features_of_a_doubtful_detector_are_those_of_its_scores():
    """The scores of a whole video scaled, or the features of the video scaled."""
    plain, other = Kept(), Kept()
    frames = world()
    doubtful = [
        np.column_stack([each.boxes, 0.1 + (each.scores - 0.1) * 0.9, each.labels])
        for each in frames
    ]
    settings_ = {"tracker.association": "overlap"}
    track_with(plain, frames, **settings_)
    track_with(other, doubtful, **settings_)
    compared = 0
    for ours, theirs in zip(plain.given, other.given, strict=True):
        if ours.features.shape == theirs.features.shape:
            compared += ours.features.shape[1]
            expected = distrusted(ours.features.T, NAMES, 0.9)
            np.testing.assert_allclose(expected, theirs.features.T, atol=1e-4)
            expected = distrusted(ours.alone.T, ALONE, 0.9)
            np.testing.assert_allclose(expected, theirs.alone.T, atol=1e-4)
    assert compared > 100


class Kept(OverlapAssociation):
    """Matches what overlaps most, and keeps the features of the pairs it was given."""

    def __init__(self):
        config = load_config(None, {"tracker.match_score": 0.0, "tracker.birth_score": 0.0})
        super().__init__(config.tracker)
        self.given = []

    def describe(self, table, found, boxes):
        self.given.append(describe_pairs(table, found, boxes))
        return super().describe(table, found, boxes)


def test_scores_do_not_depend_on_the_order_of_detections_or_tracks():
    frames = world(30)
    forward = track_with(learned(network(), birth_odds=-20.0), frames)
    backward = track_with(
        learned(network(), birth_odds=-20.0),
        [np.column_stack([f.boxes, f.scores])[::-1] for f in frames],
    )
    assert [len(each) for each in forward] == [len(each) for each in backward]
    for ours, theirs in zip(forward, backward, strict=True):
        order = np.lexsort(ours.boxes.T), np.lexsort(theirs.boxes.T)
        np.testing.assert_allclose(ours.boxes[order[0]], theirs.boxes[order[1]], atol=1e-2)


def test_scale_does_not_matter():
    frames = world(30)
    double = [np.column_stack([2 * f.boxes, f.scores]) for f in frames]
    kept, scaled = Kept(), Kept()
    for association, given_frames in ((kept, frames), (scaled, double)):
        config = load_config(None, {"tracker.predictor": "still"})
        tracker = Tracker(config, association=association)
        for each in given_frames:
            tracker.update(each)
    for ours, theirs in zip(kept.given, scaled.given, strict=True):
        np.testing.assert_allclose(ours.features, theirs.features, atol=1e-3)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1, width=32)), max_size=20))
def test_best_other_is_the_largest_of_the_rest(pairs):
    index = np.array([i for i, _ in pairs], np.int64)
    values = np.array([v for _, v in pairs], np.float32)
    expected = [
        max((values[j] for j in range(len(pairs)) if j != i and index[j] == index[i]), default=0)
        for i in range(len(pairs))
    ]
    np.testing.assert_array_equal(best_other(values, index, 5), np.array(expected, np.float32))


def test_neighbours_are_those_that_overlap_most():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [8, 0, 18, 10], [50, 0, 60, 10]], np.float32)
    most, which = neighbours(boxes.T.copy())
    assert which.tolist() == [1, 0, 1, 3]
    np.testing.assert_allclose(most, [9 / 11, 9 / 11, 3 / 17, 0], rtol=1e-5)
    assert neighbours(np.zeros((4, 0), np.float32))[0].shape == (0,)


def test_no_tracks_or_no_detections_have_no_pairs():
    association = learned(network(), birth_odds=-20.0)
    tracks = track_with(association, [None, world(1)[0], None, np.zeros((0, 5))])
    assert len(tracks[0]) == 0 and len(tracks[1]) > 0
    assert (tracks[3].gap == 2).all()


def test_another_class_is_never_matched_where_classes_count():
    box = [[100, 100, 140, 220, 0.9, 0.0]]
    changed = [[100, 100, 140, 220, 0.9, 1.0]]
    for aware, ids in ((False, 1), (True, 2)):
        association = learned(network(), match_odds=-20.0, birth_odds=-20.0, class_aware=aware)
        tracks = track_with(association, [box, box, changed])
        assert tracks[-1].ids.max() == ids


def test_the_teacher_follows_the_truth(sequences):
    recording = record(sequences[1][0], None, small_config().tracker)
    assert recording.same.any() and (recording.same == recording.chosen).all()
    assert len(recording.pairs) == 60 and recording.pairs.sum() == recording.features.shape[1]
    assert recording.rows.sum() == len(recording.ids)
    assert recording.found.sum() == recording.alone.shape[1] == len(recording.person)


@pytest.mark.parametrize("decided_by", ["truth", "network"])
def test_classes_are_kept_apart_in_recordings_too(decided_by):
    """Somebody whose class is another one all of a sudden is a new track where classes count."""
    rows = [[[100, 100, 140, 220, 0.9, float(frame > 2)]] for frame in range(5)]
    for aware, ids in ((False, [1] * 5), (True, [1, 1, 1, 2, 2])):
        changes = {"match_odds": -20.0, "birth_odds": -20.0, "class_aware": aware}
        policy = learned(network(), **changes) if decided_by == "network" else None
        recorder = Recorder([np.zeros(1, np.int64)] * 5, policy, aware)
        newest = [each.ids.max() for each in track_with(recorder, rows)]
        recording = recorder.recording()
        assert newest == ids
        assert recording.pairs.tolist() == ([0, 1, 1, 0, 1] if aware else [0, 1, 1, 1, 1])


def test_a_recording_is_read_as_it_was_written(sequences, tmp_path):
    recording = record(sequences[1][0], None, small_config().tracker)
    recording.save(tmp_path / "a.npz")
    again = Recording.load(tmp_path / "a.npz")
    for name, value in vars(recording).items():
        np.testing.assert_array_equal(value, getattr(again, name))


def test_loss_is_small_only_for_the_right_answers(sequences):
    recording = record(sequences[1][0], None, small_config().tracker)
    batch = join([IndexedRecording.of(recording).cut(0, 60, False)])
    logits = network()(batch)
    right = torch.where(batch.same, 20.0, -20.0)
    sure = logits._replace(
        pairs=right,
        lost=torch.zeros_like(logits.lost),
        unmatched=torch.zeros_like(logits.unmatched),
        person=torch.where(batch.person, 20.0, -20.0),
    )
    assert float(pair_loss(sure, batch)) < 1e-3
    assert float(pair_loss(sure._replace(pairs=-right), batch)) > 10


def test_training_learns_and_its_network_tracks(sequences, tmp_path):
    lines = []
    config = small_config(steps=120)
    path = train_association([sequences[0]], config, tmp_path / "run", lines.append)
    log = np.loadtxt(tmp_path / "run/log.csv", delimiter=",", skiprows=1, ndmin=2)
    assert log[-1, 0] == 120 and np.isfinite(log).all()
    stages = list(dict.fromkeys((each.stage, each.unit, each.total) for each in lines))
    assert stages == [
        ("tracking 1 of 2", "sequences", 2), ("iteration 1 of 2", "steps", 40),
        ("tracking 2 of 2", "sequences", 2), ("iteration 2 of 2", "steps", 120),
    ]  # fmt: skip
    assert [each.done for each in lines if each.total == 120] == list(range(1, 121))
    assert [each.done for each in lines if each.logged] == [40, 120]
    before = (tmp_path / "run/log.csv").read_bytes()
    assert train_association([sequences[0]], config, tmp_path / "run") == path
    assert (tmp_path / "run/log.csv").read_bytes() == before  # nothing was left to do
    trained = load_config(None, {"tracker.association": str(path)})
    tracker = Tracker(trained, (WIDTH, 540))
    ids = {i for each in world(60) for i in tracker.update(each).ids.tolist()}
    assert 1 <= len(ids) < 100


def test_members_are_networks_of_their_own_and_a_stopped_training_keeps_those_it_has(
    sequences, tmp_path
):
    config = small_config(members=2)
    path = train_association([sequences[0]], config, tmp_path / "run")
    alone = train_association([sequences[0]], small_config(), tmp_path / "alone")
    members = split_members(load_file(path))
    first, second = (load_file(tmp_path / f"run/member-{i}" / path.name) for i in range(2))
    assert len(members) == 2 and first.keys() == second.keys()
    for name, array in load_file(alone).items():
        assert np.array_equal(members[0][name], array) and np.array_equal(first[name], array)
        assert np.array_equal(members[1][name], second[name])
    assert not np.array_equal(first["out.weight"], second["out.weight"])
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["architecture"]["members"] == card["training"]["members"] == 2
    assert card["training"]["seed"] == 0
    whole, log = path.read_bytes(), (tmp_path / "run/member-0/log.csv").read_bytes()
    path.unlink()
    (tmp_path / "run/member-1" / path.name).unlink()
    assert train_association([sequences[0]], config, tmp_path / "run").read_bytes() == whole
    assert (tmp_path / "run/member-0/log.csv").read_bytes() == log


def test_training_is_the_same_twice(sequences, tmp_path):
    a, b = (
        train_association([sequences[0]], small_config(iterations=1), tmp_path / name)
        for name in "ab"
    )
    assert a.read_bytes() == b.read_bytes()


def test_training_refuses_other_settings_and_data_without_detections(sequences, tmp_path):
    train_association([sequences[0]], small_config(iterations=1), tmp_path / "run")
    with pytest.raises(MambatrackError, match="other settings"):
        train_association([sequences[0]], small_config(rate=0.1), tmp_path / "run")
    with pytest.raises(MambatrackError, match="different names"):
        train_association([sequences[0], sequences[0]], small_config(), tmp_path / "twice")
    (tmp_path / "data").mkdir()
    write_sequence(tmp_path / "data/A", frames=5)
    (tmp_path / "data/A/det/det.txt").unlink()
    with pytest.raises(MambatrackError, match="simulate"):
        train_association([tmp_path / "data"], small_config(), tmp_path / "other")


@pytest.mark.parametrize("name", ["missing.safetensors", "kalman"])
def test_an_association_that_is_not_there_is_named(name):
    with pytest.raises(MambatrackError, match=name):
        Tracker(load_config(None, {"tracker.association": name}))
