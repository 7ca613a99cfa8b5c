"""Embedders: crops of boxes wherever they lie, unit vectors, and what is said where they fail."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c_library import needs_library
from mambatrack.embedders.colour import (
    CELLS,
    STRIPES,
    _in_c,
    colour_embedder,
    histograms,
    histograms_in_numpy,
)
from mambatrack.embedders.crop_embedder import CropEmbedder
from mambatrack.embedders.crops import as_bgr, cut, parts_inside
from mambatrack.embedders.loading import open_embedder
from mambatrack.errors import MambatrackError

RED, BLUE, GREY = (0, 0, 200), (200, 0, 0), (120, 120, 120)


def dressed(*colours):
    """A picture [100, 60 * N, 3] with a person in each of the colours, and their boxes."""
    image = np.full((100, 60 * len(colours), 3), 127, np.uint8)
    boxes = np.array([[60 * i + 10, 10, 60 * i + 40, 90] for i in range(len(colours))], float)
    for colour, (left, top, right, bottom) in zip(colours, boxes.astype(int), strict=True):
        image[top:bottom, left:right] = colour
    return image, boxes


def test_colour_knows_clothes_again():
    image, boxes = dressed(RED, BLUE, RED, GREY)
    vectors, usable = colour_embedder()(image, boxes)
    alike = vectors @ vectors.T
    assert usable.all() and vectors.dtype == np.float32
    assert np.allclose(np.diag(alike), 1, atol=1e-5)
    assert alike[0, 2] == pytest.approx(1) and alike[0, 1] < 0.1 and alike[0, 3] < 0.1


def test_colour_tells_a_shirt_from_trousers():
    image, boxes = dressed(RED, BLUE)
    image[50:90, 10:40], image[50:90, 70:100] = BLUE, RED
    vectors, _ = colour_embedder()(image, boxes)
    assert vectors[0] @ vectors[1] < 0.1


@pytest.mark.parametrize(
    "change", [lambda image: image[..., 0], lambda image: image[..., :1],
               lambda image: image.astype(np.uint16) << 8,
               lambda image: np.dstack([image, image[..., :1]])],
)  # fmt: skip
def test_other_kinds_of_pictures(change):
    image, boxes = dressed(GREY, (240, 240, 240))
    plain, other = colour_embedder()(image, boxes), colour_embedder()(change(image), boxes)
    assert np.allclose(plain.vectors, other.vectors)


@pytest.mark.parametrize(
    "image", [None, np.zeros((0, 0, 3), np.uint8), np.zeros((9, 9, 2), np.uint8),
              np.zeros((9, 9, 3)), np.zeros(9, np.uint8)],
)  # fmt: skip
def test_no_picture(image):
    with pytest.raises(MambatrackError, match="the picture .*; expected"):
        colour_embedder()(image, np.zeros((1, 4)))


def test_boxes_that_show_nothing_have_no_vector():
    image, boxes = dressed(RED)
    others = [
        [10, 10, 10, 90], [10, 10, 11, 90], [40, 90, 10, 10], [200, 10, 230, 90],
        [-80, 10, 20, 90], [np.nan, 10, 30, 90], [-np.inf, 10, np.inf, 90], [10, 10, 30, 12],
    ]  # fmt: skip
    vectors, usable = colour_embedder()(image, np.concatenate([boxes, others]))
    assert usable.tolist() == [True] + [False] * len(others)
    assert not vectors[1:].any() and np.isfinite(vectors).all()
    assert colour_embedder()(image, np.zeros((0, 4))).vectors.shape[0] == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-1e9, 1e9)] * 4), max_size=8), st.integers(1, 70))
def test_any_box_is_cut_or_left_out(boxes, side):
    image = np.zeros((side, 2 * side, 3), np.uint8)
    parts, usable = parts_inside(np.array(boxes).reshape(-1, 4), (2 * side, side))
    assert (parts >= 0).all() and (parts <= [2 * side, side] * 2).all()
    assert cut(image, parts[usable], (5, 7)).shape == (usable.sum(), 7, 5, 3)


def test_the_callers_picture_stays():
    image, boxes = dressed(RED, BLUE)
    before = image.copy()
    colour_embedder()(image, boxes)
    assert np.array_equal(image, before) and np.shares_memory(as_bgr(image), image)


@pytest.mark.parametrize(
    ("look", "message"),
    [
        (lambda crops: np.zeros((len(crops), 2, 2)), r"float64 \[1, 2, 2\] for 1 crops"),
        (lambda crops: np.zeros((len(crops), 0)), "vectors of 0 numbers"),
        (lambda crops: np.full((len(crops), 3), np.nan), "not finite"),
        (lambda crops: np.full((len(crops), 3), "a"), "expected numbers"),
        (lambda crops: np.zeros((len(crops) + 1, 3)), r"\[2, 3\] for 1 crops"),
    ],
)
def test_a_function_that_gives_no_vectors(look, message):
    with pytest.raises(MambatrackError, match=message):
        CropEmbedder("mine", look, (8, 16))


def test_a_function_that_changes_its_mind():
    image, boxes = dressed(RED)
    sizes = iter([3, 4])
    embedder = CropEmbedder("mine", lambda crops: np.ones((len(crops), next(sizes))), (8, 16))
    with pytest.raises(MambatrackError, match="vectors of 4 numbers; expected 3"):
        embedder(image, boxes)


def test_a_vector_of_zeros_is_none():
    image, boxes = dressed(RED)
    vectors, usable = CropEmbedder("mine", lambda crops: np.zeros((len(crops), 3)), (8, 16))(
        image, boxes
    )
    assert not usable.any() and not vectors.any()


@pytest.mark.parametrize("size", [1e38, 1e-38])
def test_very_large_and_very_small_numbers_are_of_length_1_too(size):
    image, boxes = dressed(RED, BLUE)

    def look(crops):
        return crops.mean(axis=(1, 2)).astype(np.float32) / 255 * np.float32(size)

    vectors, usable = CropEmbedder("far", look, (8, 16))(image, boxes)
    assert usable.all() and np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_names():
    assert open_embedder("colour").name == "colour"
    with pytest.raises(MambatrackError, match="unknown embedder 'color'"):
        open_embedder("color")


@needs_library
def test_histograms_in_c_are_those_of_numpy():
    """Colours of all kinds, also grey ones, and hues between two cells."""
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (40, 72, 24, 3)).astype(np.uint8)
    crops[20:] = (crops[20:] // 16) * 16 + crops[20:, :1, :1] % 16
    crops[30:] = crops[30:, :, :, :1] + rng.integers(0, 9, (10, 72, 24, 3)).astype(np.uint8)
    assert np.array_equal(histograms(crops), histograms_in_numpy(crops))
    assert np.array_equal(histograms(crops[::3]), histograms_in_numpy(crops[::3]))
    assert histograms(crops[:0]).shape == (0, STRIPES * CELLS)
    with pytest.raises(ValueError, match="crops"):
        _in_c()(crops[:, :10])
