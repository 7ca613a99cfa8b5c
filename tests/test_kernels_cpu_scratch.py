"""Memory of calls: nobody else's while it is borrowed, and the same one again afterwards."""

import pickle

import numpy as np
import pytest

from mambatrack.kernels.cpu.scratch import Scratch


@pytest.mark.parametrize("kind", [np.float32, np.int64])
def test_what_is_borrowed_is_large_enough_and_starts_on_a_cache_line(kind):
    scratch = Scratch(kind)
    for count in (1, 7, 1000, 3):
        memory = scratch.borrow(count)
        assert memory.size == len(memory.numbers) >= count and memory.numbers.dtype == kind
        assert memory.at % 64 == 0
        scratch.give_back(memory)


def test_two_calls_at_once_have_memory_of_their_own():
    scratch = Scratch()
    first, second = scratch.borrow(5), scratch.borrow(5)
    assert not np.shares_memory(first.numbers, second.numbers)
    scratch.give_back(first, second)
    assert {scratch.borrow(5).at, scratch.borrow(5).at} == {first.at, second.at}


def test_memory_that_has_become_too_small_is_replaced_by_twice_as_much():
    scratch = Scratch()
    scratch.give_back(scratch.borrow(4))
    assert scratch.borrow(9).size == 18


def test_another_process_starts_without_memory():
    scratch = Scratch(np.int64)
    scratch.give_back(scratch.borrow(4))
    assert pickle.loads(pickle.dumps(scratch)).borrow(2).size == 2
