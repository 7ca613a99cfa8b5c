"""Names and numbers of classes."""

import pytest

from mambatrack.detectors.classes import COCO, chosen_labels, names_of
from mambatrack.errors import MambatrackError


def test_names_of_classes():
    assert len(COCO) == 80 == len(set(COCO)) and names_of(80)[0] == "person"
    assert names_of(1) == ("person",) and names_of(3) == ("0", "1", "2")


def test_classes_are_chosen_by_name_or_number():
    assert chosen_labels(("Person", " 2", "dog"), COCO) == {0, 2, 16}
    assert chosen_labels((), COCO) == set(range(80))


@pytest.mark.parametrize("entry", ["persn", "80", "-1"])
def test_an_unknown_class_names_the_known_ones(entry):
    with pytest.raises(
        MambatrackError, match="unknown class .* person, bicycle, .* toothbrush"
    ) as e:
        chosen_labels((entry,), COCO)
    assert ("did you mean 'person'" in str(e.value)) == (entry == "persn")
