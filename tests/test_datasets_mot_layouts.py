"""Files as they exist in the wild: each is taken right, which is a score of 100 for results that
are right, or refused with what it looks like."""

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.errors import MambatrackError
from wild_files import DISTRACTORS, IMPERFECT, KEYS, RIGHT, assert_perfect, car, rows, scored

TAKEN = {
    "MOT15 with world coordinates": (rows("1,-4.15,-7.36,0"), RIGHT),
    "MOT15 without": (rows("1,-1,-1,-1"), RIGHT),
    "SoccerNet": (rows("1,-1,-1,-1"), rows("1,-1,-1,-1")),
    "AI City": (rows("1,-1,-1,-1"), rows("1,-1,-1,-1")),
    "DanceTrack": (rows("1,1,1"), rows("1,-1,-1,-1")),
    "SportsMOT": (rows("1,1,1").replace(",", ", "), RIGHT),
    "BEE24": (rows("1,1,1"), rows("0.93,-1,-1,-1")),
    "MOT17, a track on a static person": (DISTRACTORS, RIGHT + car("0.8,-1,-1,-1")),
    "MOT17, everything in the way": (rows() + car("0,11,0.3"), RIGHT),
    "UAVDT's gt": (rows("1,-1,-1"), rows("1,1,-1,-1")),
    "CVAT, an ignored box": (rows() + car("0,1,1"), RIGHT),
    "boxes alone": (rows(""), rows("")),
    "seven columns": (rows("1"), rows(".5")),
    "eight columns": (rows("1,1"), rows(".5,-1")),
    "marks of -1": (rows("-1,-1,-1"), rows("-1,-1,-1,-1")),
    "boxmot's results": (rows(), rows("0.9,0,-1")),
    "StrongSORT's results": (rows(), rows("0.9,0,-1,-1").replace(",", " ")),
    "ByteTrack's results": (rows(), rows("0.91,-1,-1,-1")),
    "results of class 1": (rows(), rows("0.9,1,-1,-1")),
    "pandas' floats": (rows("1.0,1.0,1.0"), rows("0.9,-1.0,-1.0,-1.0")),
    "blanks": (rows(separator=" "), rows(separator="   ")),
    "tabs": (rows(separator="\t"), rows(separator="\t")),
    "semicolons": (rows(separator=";"), rows(separator="; ")),
    "Windows": (("\ufeff" + rows()).replace("\n", "\r\n"), RIGHT.replace("\n", "\r\n")),
    "an old Mac": (rows().replace("\n", "\r"), RIGHT),
    "quotes": ('"' + rows().replace(",", '","').replace("\n", '"\n"').rstrip('"'), RIGHT),
    "commas at the end": (rows("1,1,1,"), rows("1,-1,-1,-1,,")),
    "blank lines": (rows().replace("\n", "\n\n \n"), "\n" + RIGHT),
    "scientific notation": (rows().replace("20.5", "2.05e+01"), RIGHT.replace("20.5", "205E-1")),
    "another order": ("\n".join(reversed(rows().splitlines())), RIGHT),
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_layout_is_taken_right(tmp_path, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_perfect(scored(tmp_path, *TAKEN[name]))


SHAPES = {
    "a header": ("frame,id,x,y,w,h,conf,class,vis\n" + rows(), "line 1: .*looks like a header"),
    "a comment": ("# frame,id,...\n" + rows(), "line 1: .*This looks like a comment"),
    "KITTI": (
        "0 1 Car 0 0 -1.57 599.4 156.4 629.7 189.2 2.8 2.6 12.5 0.4 1.8 69.4 -1.5\n",
        "line 1: .*looks like KITTI",
    ),
    "MOTS": ("1 2001 2 1080 1920 WSV:2d;1O10000O10000O1O100O\n", "line 1: .*looks like MOTS"),
    "JSON": ('{"annotations": []}\n', "line 1: .*looks like JSON"),
    "XML": ("<?xml version='1.0'?>\n<annotations/>\n", "line 1: .*looks like XML"),
    "YOLO": ("0 0.5 0.51 0.1 0.2\n", "line 1: .*looks like a YOLO label"),
    "the name of a class": (rows("1,person,1"), "line 1: 'person' in column 8.*labels.txt"),
    "decimal commas": (
        rows(separator=";").replace("20.5", "20,5"), "line 1: '20,5' .*decimal commas"
    ),
    "decimal commas between blanks": (
        rows(separator=" ").replace("20.5", "20,5"), "line 1: .*decimal commas"
    ),
    "decimal commas in CSV": (rows().replace("20.5", "20,5") , "line 1: column 7 is 50"),
    "shares of the picture": (
        "1,1,0.2,0.3,0.05,0.1,1,1,1\n2,1,0.2,0.3,0.05,0.1,1,1,1\n", "line 1: .*shares of the pict"
    ),
    "UAVDT's gt_whole": (rows("1,1,3"), "line 1: column 9 is 3; it is the visibility"),
    "a tracker's results": (rows("0.93,-1,-1,-1"), "line 1: column 7 is 0.93; in a ground truth"),
    "frames from 0": (
        rows(keys=[(frame - 1, person) for frame, person in KEYS]),
        "line 1: frame 0; MOT frames count from 1. If this file counts from 0, add 1",
    ),
    "a frame behind the end": (
        rows(keys=[*KEYS, (13, 1)]), r"line 21: frame 13, but sequence a ends with 12 \(seqLength"
    ),
    "not a number": (rows().replace("20.5", "nan", 1), "line 1: a number that is not finite"),
    "infinity": (rows().replace("20.5", "inf", 1), "line 1: a number that is not finite"),
    "too large to be a number": (rows().replace("20.5", "1e999", 1), "line 1: a number that is n"),
    "a negative size": (rows().replace("20.5", "-20.5", 1), "line 1: a box of -20.5 x 50 pixels"),
    "a box out of reach": (rows().replace("20.5", "1e30", 1), "line 1: .*which no picture has"),
    "a negative id": (rows(keys=[(1, -1), *KEYS]), "line 1: id -1; ids below 0 mark detections"),
    "an id twice": (rows(keys=[*KEYS, (3, 2)]), "line 21: id 2 is in frame 3 a second time"),
    "an id that is not exact": (
        rows().replace("1,1,", "1,9007199254740993,", 1), "line 1: .*whole numbers below 2"
    ),
    "no id": ("1,50.5,60,20,30,0.9\n", "This looks like a row without an id: write -1 behind"),
    "an id that is text": (rows().replace("1,1,", "1,a1,", 1), "line 1: 'a1' in column 2"),
    "eleven columns": (rows("1,1,1,0,0"), "line 1: 11 columns; .* at most 10"),
    "five columns": ("1,1,2,3,4\n", "line 1: 5 columns; expected at least frame,id,left"),
    "ragged rows": (rows() + "11,1,5,5,5,5\n", "line 21: 6 columns, but 9 above it"),
    "UTF-16": (rows().encode("utf-16"), "it is UTF-16; save it as UTF-8"),
    "bytes": (b"\x80\x81\xfe\n", "is not a readable MOT text file"),
    "numbers with underscores": (rows().replace("20.5", "2_0.5", 1), "'2_0.5' in column 5"),
    "Arabic digits": (rows().replace("20.5", "\u0662\u0660", 1), "in column 5 is no number"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_another_shape_is_refused_with_what_it_looks_like(tmp_path, name):
    truth, reason = SHAPES[name]
    with pytest.raises(MambatrackError, match=r"(?s)gt\.txt.*" + reason):
        scored(tmp_path, truth)


RESULTS = {"a header": (SHAPES["a header"][0], "line 1: no columns of boxes")} | {
    name: SHAPES[name]
    for name in (
        "a comment", "MOTS", "decimal commas", "shares of the picture", "frames from 0",
        "a frame behind the end", "not a number", "a negative size", "a box out of reach",
        "a negative id", "an id twice", "an id that is not exact", "UTF-16",
    )
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_refused_alike(tmp_path, name):
    result, reason = RESULTS[name]
    with pytest.raises(MambatrackError, match=r"(?s)results.a\.txt.*" + reason):
        scored(tmp_path, rows(), result)


WAYS = (  # in the order in which they are put on each other
    lambda text, draw: "\n".join(draw(st.permutations(text.splitlines()))),
    lambda text, draw: text.replace("20.5", draw(st.sampled_from(["+20.50", "2.05e1"]))),
    lambda text, draw: text.replace("\n1,", "\n1.0,").replace(",50,", ",50.,"),
    lambda text, draw: text.replace(",", draw(st.sampled_from([", ", " ,", ";", "\t", ",\t"]))),
    lambda text, draw: text.replace("\n", draw(st.sampled_from(["\r\n", "\n\n", " \n"]))),
    lambda text, draw: text.rstrip("\r\n"),
    lambda text, draw: "\ufeff" + text,
)
ways = st.sets(st.integers(0, len(WAYS) - 1)).map(sorted)


@settings(max_examples=30, deadline=None)
@given(st.data(), ways, ways)
def test_ways_to_write_the_same_give_the_same_score(tmp_path_factory, data, of_truth, of_result):
    truth, result = DISTRACTORS, IMPERFECT
    for way in of_truth:
        truth = WAYS[way](truth, data.draw)
    for way in of_result:
        result = WAYS[way](result, data.draw)
    first = scored(tmp_path_factory.mktemp("plain"), DISTRACTORS, IMPERFECT).combined
    assert 50 < first.HOTA < 95
    assert scored(tmp_path_factory.mktemp("other"), truth, result).combined == first


pieces = st.sampled_from(
    [b"", b",", b"\n", b" ", b"-", b".", b"e", b"9" * 20, b"nan", b"-inf", b"0", b"\x00", b"\xff",
     b'"', b"#", b";", b"1,1,1,1,1,1,1,1,1\n", b"\xef\xbb\xbf", b"1e308", b"\xe2\x80\xa8"]
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), pieces), min_size=1, max_size=4),
    st.booleans(),
)
def test_a_damaged_file_is_scored_or_refused_with_its_name(tmp_path_factory, edits, is_truth):
    """Whatever is cut out or put in: no other error, and no warning of arithmetic."""
    text = (DISTRACTORS if is_truth else IMPERFECT).encode()
    for place, length, piece in edits:
        start = round(place * len(text))
        text = text[:start] + piece + text[start + length :]
    folder = tmp_path_factory.mktemp("damaged")
    truth, result = (text, IMPERFECT) if is_truth else (DISTRACTORS, text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", RuntimeWarning)
        try:
            combined = scored(folder, truth, result).combined
        except MambatrackError as error:
            assert "gt.txt" in str(error) or "a.txt" in str(error)
        else:
            assert 0 <= combined.HOTA <= 100
