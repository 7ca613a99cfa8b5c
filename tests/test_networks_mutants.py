"""A slice of fuzz_weights.py: weight files and cards mutated at random; another one, with the
address sanitizer, is in test_kernels_cpu_variants.py."""

from collections import Counter

import fuzz_weights
from c_library import needs_library


@needs_library
def test_mutants_are_refused_or_give_finite_boxes():
    ended = Counter()
    for (kind, end), count in fuzz_weights.run(20_000, 200).items():
        ended[end] += count
        assert kind != "failed"
    assert ended["refused"] > 50 and ended["finite"] > 30
