"""Names and numbers of classes."""

import pytest

from mambatrack.detectors.classes import COCO, COCO_IDS, MOVING, chosen_labels, names_in, names_of
from mambatrack.errors import MambatrackError


def test_names_of_classes():
    assert len(COCO) == 80 == len(set(COCO)) and names_of(80)[0] == "person"
    assert names_of(1) == ("person",) and names_of(3) == ("0", "1", "2")


def test_classes_are_chosen_by_name_or_number():
    assert chosen_labels(("Person", " 2", "dog"), COCO) == {0, 2, 16}
    assert chosen_labels((), COCO) is None and chosen_labels((" All",), COCO) is None
    assert chosen_labels(("all",), ("person", "all")) == {1}
    assert len(chosen_labels(MOVING, COCO)) == 19


@pytest.mark.parametrize("entry", ["persn", "80", "-1"])
def test_an_unknown_class_names_the_known_ones(entry):
    with pytest.raises(
        MambatrackError, match="unknown class .* person, bicycle, .* toothbrush"
    ) as e:
        chosen_labels((entry,), COCO)
    assert ("did you mean 'person'" in str(e.value)) == (entry == "persn")


def test_numbers_are_taken_where_names_are_not_known():
    assert chosen_labels(("2", "17"), ()) == {2, 17}
    with pytest.raises(MambatrackError, match="'car'; the model does not name its classes: give"):
        chosen_labels(("car",), ())


def test_cocos_numbers_of_annotations():
    numbers = {"person": 1, "stop sign": 13, "zebra": 24, "cell phone": 77, "toothbrush": 90}
    assert {name: COCO_IDS.index(name) for name in numbers} == numbers
    assert len(COCO_IDS) == 91 and set(COCO) < set(COCO_IDS)


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("{0: 'car', 1: 'bus'}", ("car", "bus")),
        ('["car", "bus"]', ("car", "bus")),
        ("{1: 'car', 2: 'bus'}", ()),
        ("{0: 'car'", ()),
        ("__import__('os')", ()),
        ("7", ()),
    ],
)
def test_names_in_the_metadata_of_a_file(said, names):
    assert names_in({"names": said}) == names
    assert names_in({}) == ()
