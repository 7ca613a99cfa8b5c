"""The colours of tracks: stable, distinct and readable."""

import colorsys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.outputs.drawing.colours import DARK, WHITE, colour_of, is_bright, rgb_of


def luminance(colour):
    """Relative luminance by WCAG 2.1, of blue, green and red."""
    shares = np.array(colour) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.0722, 0.7152, 0.2126])


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_ids_next_to_each_other_are_far_apart_in_hue():
    hues = sorted(
        colorsys.rgb_to_hsv(*(each / 255 for each in rgb_of(number)))[0] for number in range(1, 9)
    )
    assert min(np.diff([*hues, hues[0] + 1])) > 0.04


@given(st.integers(0, 2**62))
def test_a_colour_is_its_own_and_can_be_read_on_and_against_dark(identity):
    colour = colour_of(identity)
    assert colour == colour_of(identity) == rgb_of(identity)[::-1]
    assert all(0 <= channel <= 255 for channel in colour)
    assert contrast(colour, DARK) > 3
    assert contrast(colour, DARK if is_bright(colour) else WHITE) > 4
