"""Calls on a GPU as graphs: buckets and buffers, on the CPU."""

import copy
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mambatrack.networks import graphs
from mambatrack.networks.graphs import BUCKETS, Graphs, bucket, eager


def double(given):
    return given[:, :2] * 2


def rows(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)


def test_bucket_is_the_smallest_that_holds_the_rows():
    assert [bucket(each) for each in (1, 16, 17, 100, 304, 305, 1216)] == [
        16, 16, 32, 128, 304, 608, 1216,
    ]  # fmt: skip
    assert all(rows % 16 == 0 for rows in BUCKETS) and sorted(BUCKETS) == list(BUCKETS)


def test_a_bucket_is_recorded_once_and_answers_stay():
    recorded = []

    def record(run, given):
        recorded.append(len(given))
        return eager(run, given)

    ours = Graphs(double, "cpu", 2, record)
    first = ours(rows(3))
    kept = first.copy()
    for count in (3, 10, 20, 16, 31):
        np.testing.assert_array_equal(ours(rows(count, 1)), rows(count, 1)[:, :2] * 2)
    assert recorded == [16, 32]
    np.testing.assert_array_equal(first, kept)
    ours.forget()
    assert recorded == [16, 32, 16, 32]


def test_parts_lie_side_by_side_and_rows_that_fill_a_bucket_are_zeros():
    ours, parts = Graphs(double, "cpu", 2), (rows(5)[:, :1], rows(5, 1).reshape(5, 3, 1))
    ours(np.full((16, 4), np.nan, np.float32))
    np.testing.assert_array_equal(ours(*parts)[:, 1], parts[1][:, 0, 0] * 2)
    host = ours.recordings[16, 4].host
    assert (host[5:] == 0).all() and (host[:5, 0].numpy() == parts[0][:, 0]).all()


def test_more_rows_than_the_largest_bucket_go_in_pieces(monkeypatch):
    monkeypatch.setattr(graphs, "BUCKETS", (4, 8))
    ours, many = Graphs(double, "cpu", 2), rows(19)
    np.testing.assert_array_equal(ours(many), many[:, :2] * 2)
    assert sorted(ours.recordings) == [(4, 3), (8, 3)]
    assert ours(rows(0)).shape == (0, 2)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_records_its_own_graphs(copied):
    ours = Graphs(double, "cpu", 2)
    ours(rows(3))
    other = copied(ours)
    assert list(ours.recordings) == [(16, 3)] and not other.recordings
    np.testing.assert_array_equal(other(rows(3)), ours(rows(3)))
    assert other.recordings[16, 3].host is not ours.recordings[16, 3].host


class Cuda:
    """torch.cuda of a GPU that cannot capture: as in torch, a capture that fails leaves its stream
    the current one."""

    def __init__(self):
        self.current = "user's"
        self.Stream = lambda: SimpleNamespace(wait_stream=lambda other: None)
        self.CUDAGraph = lambda: SimpleNamespace(replay=None)
        self.current_stream = lambda: SimpleNamespace(wait_stream=lambda other: None)
        self.device = lambda device: nullcontext()

    @contextmanager
    def stream(self, stream):
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def graph(self, graph, stream, capture_error_mode):
        self.current = stream
        yield
        raise RuntimeError("operation not permitted when stream is capturing")


def test_a_capture_that_fails_gives_the_stream_and_the_turn_back(monkeypatch):
    cuda = Cuda()
    monkeypatch.setattr(graphs.torch, "cuda", cuda)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="not permitted"):
            graphs.capture(double, torch.zeros(1, 3))
    assert cuda.current == "user's"


def test_threads_take_turns():
    def slow(given):
        time.sleep(0.01)  # others would write into the buffers meanwhile
        return double(given)

    ours, given = Graphs(slow, "cpu", 2), [rows(5, seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for one, found in zip(given, pool.map(ours, given), strict=True):
            np.testing.assert_array_equal(found, one[:, :2] * 2)


def test_where_no_graph_can_be_recorded_the_network_runs_as_it_is():
    def record(run, given):
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    ours = Graphs(double, "cpu", 2, record)
    with pytest.warns(UserWarning, match="no CUDA graph.*is capturing$"):
        found = ours(rows(5))
    np.testing.assert_array_equal(found, rows(5)[:, :2] * 2)
    ours(rows(20))  # without a second warning, which would be an error
