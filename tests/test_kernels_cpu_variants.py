"""What the other tests of the C library measure, for each instruction set and under the address
sanitizer: one process for each, which all of them share."""

from importlib import import_module

import pytest

from c_library import (
    MODULES,
    VARIANTS,
    measured,
    measured_under_sanitizer,
    needs_library,
)

pytestmark = needs_library


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("module", MODULES)
def test_every_instruction_set_gives_what_is_expected(module, variant):
    found = measured(variant)[module]
    assert import_module(module).as_expected(found), found


@pytest.mark.parametrize("module", MODULES)
def test_no_access_out_of_bounds_under_the_address_sanitizer(module):
    found = measured_under_sanitizer()[module]
    assert import_module(module).as_expected(found), found


def test_mutants_of_weights_stay_within_memory():
    assert measured_under_sanitizer()["mutants"] == ["finite", "refused"]
