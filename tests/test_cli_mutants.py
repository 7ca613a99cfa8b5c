"""A slice of fuzz_commands.py: texts mutated at random, read by every command."""

import pytest

import fuzz_commands

pytest.importorskip("trackeval", reason="needs the extra [eval]")


@pytest.mark.filterwarnings("ignore")
def test_mutants_are_worked_on_or_refused_in_a_few_lines():
    outcomes, faults = fuzz_commands.fuzz(25, first=100_000)
    assert not faults, "\n\n".join(faults.values())
    assert outcomes["0"] > 3 and outcomes["1"] > 6
