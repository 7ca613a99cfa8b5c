"""A slice of fuzz_weights.py: weight files and cards mutated at random."""

from collections import Counter

import fuzz_weights
from c_library import _sanitizer, needs_library


@needs_library
def test_mutants_are_refused_or_give_finite_boxes():
    ended = Counter()
    for (kind, end), count in fuzz_weights.run(20_000, 200).items():
        ended[end] += count
        assert kind != "failed"
    assert ended["refused"] > 50 and ended["finite"] > 30


@needs_library
def test_mutants_stay_within_memory():
    _sanitizer()
    assert fuzz_weights.sanitized("address", ["--runs", "60", "--first", "30000"]) == 0
