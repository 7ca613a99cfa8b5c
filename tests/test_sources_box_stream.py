"""Boxes line by line: what is read, and what is refused with its line."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.errors import MambatrackError
from mambatrack.sources.box_stream import fill_missing, open_stream
from test_cli_pipe import frames_of, walk


def test_a_line_of_json_is_a_frame():
    header = {"format": "mambatrack-detections", "classes": ["a", "b"], "image_size": [640, 480]}
    text = json.dumps(header) + "\n" + walk(3, gap=(1,))
    stream = open_stream(io.BytesIO(text.encode()))
    assert (stream.header.names, stream.header.size) == (("a", "b"), (640, 480))
    frames = list(stream)
    assert [(each.index, each.time_s, len(each.detections)) for each in frames] == [
        (0, 0.0, 1), (1, 0.1, 0), (2, 0.2, 1),
    ]  # fmt: skip
    assert frames[2].detections.boxes.tolist() == [[18, 20, 48, 90]]
    assert frames[2].detections.labels.tolist() == [1]


def test_number_and_time_may_be_left_out():
    frames = frames_of('{"boxes": []}\n\n{"boxes": [[1, 2, 3, 4]]}\n{"frame": 7, "boxes": []}')
    assert [(each.index, each.time_s) for each in frames] == [(0, None), (1, None), (7, None)]
    assert frames[1].detections.scores.tolist() == [1]


def test_rows_of_mot_text_are_grouped_by_frame():
    text = "\ufeff3,-1,10,20,30,40,0.5,-1,-1,-1\n3,-1,50,20,30,40,-1\r\n 5 -1 1 2 3 4\n"
    first, second = frames_of(text)
    assert (first.index, second.index) == (2, 4)
    assert first.detections.boxes.tolist() == [[10, 20, 40, 60], [50, 20, 80, 60]]
    assert first.detections.scores.tolist() == [0.5, 1] and second.time_s is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"boxes": []}\n{"boxes": [', "line 2 is not JSON"),
        ("[]\n", "line 1 is no frame of boxes"),
        ('{"frame": 0}', "line 1: no boxes, only frame"),
        ('{"frame": -1, "boxes": []}', r"line 1: frame -1; expected a number from 0"),
        ('{"frame": 1.5, "boxes": []}', "line 1: frame 1.5"),
        ('{"frame": true, "boxes": []}', "line 1: frame True"),
        ('{"boxes": [[1, 2]]}', r"line 1: detections have shape \(1, 2\)"),
        ('{"boxes": "all"}', "line 1: detections are not a table"),
        ('{"boxes": [[%s, 2, 3, 4]]}' % ("9" * 400), "line 1: detections are not a table"),
        ('{"time_s": "now", "boxes": []}', "line 1: time_s 'now'"),
        ('{"time_s": Infinity, "boxes": []}', "line 1: time_s inf"),
        ('{"format": "coco"}', "line 1: format 'coco'"),
        ('{"format": "mambatrack-detections", "image_size": [0, 1]}', r"image_size \[0, 1\]"),
        ('{"frame": 4, "boxes": []}\n\n{"frame": 4, "boxes": []}', "line 3: frame 4 is there alr"),
        ("1,-1,1,2,3,4\n0,-1,1,2,3,4", "line 2: frame 0; MOT frames count from 1"),
        ("2,-1,1,2,3,4\n1,-1,1,2,3,4", "line 2: frame 1 is there already or out of order"),
        ("1,-1,1,2,3", "line 1: 5 columns"),
        ("1,-1,1,2,3,x", "line 1: could not convert"),
        (b"\xff\xfe\n", "line 1 is not text in UTF-8: .*; a video is named as SOURCE"),
        (b"1,-1,1,2,3,4\n\xff\xfe\n", "line 2 is not text in UTF-8: [^;]*$"),
        ('[{"image_id": 1, "bbox": [1, 2, 3, 4]}]', "line 1 is no frame of boxes; expected a fr"),
    ],
)
def test_a_bad_line_is_named(text, message):
    with pytest.raises(MambatrackError, match=message):
        frames_of(text)


def test_nesting_that_no_parser_can_take_is_an_error():
    with pytest.raises(MambatrackError, match="line 1"):
        frames_of('{"boxes": ' + "[" * 100_000)


def test_a_line_without_end_is_refused(monkeypatch):
    monkeypatch.setattr("mambatrack.sources.box_stream.LONGEST_LINE", 64)
    with pytest.raises(MambatrackError, match="line 1 is longer"):
        frames_of('{"boxes": [' + " " * 100 + "]}")


@given(st.binary(max_size=80), st.sampled_from([None, "jsonl", "mot"]))
@settings(max_examples=300)
def test_whatever_comes_in_is_frames_or_an_error_with_its_line(data, form):
    try:
        assert all(each.index >= 0 for each in frames_of(data, form))
    except MambatrackError as error:
        assert "line " in str(error)


def test_missing_numbers_are_empty_frames_evenly_in_time():
    text = '{"frame":3,"time_s":1,"boxes":[[0,0,9,9]]}\n{"frame":6,"time_s":2.5,"boxes":[]}'
    filled = list(fill_missing(frames_of(text)))
    assert [each.index for each in filled] == [3, 4, 5, 6]
    assert [each.time_s for each in filled] == [1, 1.5, 2, 2.5]
    assert not len(filled[1].detections)
    assert len(list(fill_missing(frames_of(text), 2))) == 4
    with pytest.raises(MambatrackError, match="2 frames missing in front of number 6"):
        list(fill_missing(frames_of(text), 1))
