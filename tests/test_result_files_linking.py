"""Tracks that are one person, by what they look like."""

import numpy as np
import pytest

from mambatrack.appearance.calibration import Calibration, Similarities
from mambatrack.result_files.linking import best_pairs, link, pair_surety

KNOWS = Calibration(Similarities(500, 0.95, 0.001), Similarities(500, 0.3, 0.01))
UNIFORM = Calibration(Similarities(500, 0.95, 0.001), Similarities(500, 0.95, 0.001))


def tracks_of(people, files, seed=0):
    """Codes of tracks of these people [N] in these files [N], all in view together in each."""
    rng = np.random.default_rng(seed)
    looks = np.abs(rng.normal(size=(max(people) + 1, 64))) ** 4
    codes = looks[people] / np.linalg.norm(looks[people], axis=1, keepdims=True)
    codes = codes + rng.normal(0, 0.015, codes.shape)
    codes = (codes / np.linalg.norm(codes, axis=1, keepdims=True)).astype(np.float32)
    files = np.array(files)
    return codes, (files[:, None] == files) & ~np.eye(len(files), dtype=bool)


def linked(people, files, calibration=KNOWS, least=0.9):
    codes, apart = tracks_of(people, files)
    return link(codes, np.full(len(people), 9), apart, calibration, least)


def test_each_is_found_in_each_file():
    people = [0, 1, 2, 3, 2, 0, 1, 4, 3, 1, 5, 0]
    found, links = linked(people, [0] * 4 + [1] * 4 + [2] * 4)
    assert found.tolist() == [people.index(each) for each in people]
    assert len(links) == len(people) - len(set(people))
    assert all(0.9 <= each.probability < 1 and each.similarity > 0.9 for each in links)


def test_two_in_view_together_are_two_however_much_alike():
    found, links = linked([0, 0, 1], [0, 0, 0])
    assert found.tolist() == [0, 1, 2] and not links


def test_nor_are_they_joined_by_a_third():
    """One track of the other file can be either of two who look alike and are seen together."""
    found, links = linked([0, 0, 0], [0, 0, 1])
    assert found.tolist() == [0, 1, 2] and not links


def test_a_track_that_was_cut_is_one_person():
    codes, _ = tracks_of([0, 1, 0, 1], [0, 0, 1, 1])
    apart = np.zeros((4, 4), bool)
    apart[[0, 1], [1, 0]] = True
    found, _ = link(codes, np.full(4, 9), apart, KNOWS, 0.9)
    assert found.tolist() == [0, 1, 0, 1]


def test_where_all_wear_the_same_nobody_is_joined():
    found, links = linked([0, 1, 0, 1], [0, 0, 1, 1], UNIFORM)
    assert found.tolist() == [0, 1, 2, 3] and not links


def test_probabilities_are_of_both_sides_and_of_nobody_else():
    codes, apart = tracks_of([0, 1, 1, 0], [0, 0, 1, 1])
    sure = pair_surety(codes, apart, KNOWS)
    assert (sure == sure.T).all() and (sure >= 0).all() and (sure < 1).all()
    assert (sure[apart] == 0).all() and (np.diag(sure) == 0).all()


@pytest.mark.parametrize("least", [0.5, 0.9])
def test_the_best_pairs_are_weighed_together(least):
    sure = np.zeros((4, 4), np.float32)
    sure[0, 1], sure[1, 2], sure[2, 3] = 0.95, 0.97, 0.95
    assert sorted(best_pairs(sure, least)) == [(0, 1), (2, 3)]
    assert best_pairs(sure, 0.99) == []


def test_nobody_is_nobody():
    people, links = link(
        np.zeros((0, 8), np.float32), np.zeros(0, np.int64), np.zeros((0, 0), bool), KNOWS, 0.9
    )
    assert len(people) == 0 and links == []
