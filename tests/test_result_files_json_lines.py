import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.cli import main
from mambatrack.errors import MambatrackError
from mambatrack.result_files.json_lines import read_json_lines
from mambatrack.result_files.read_results import read_recording

HEADER = '{"format":"mambatrack-tracks","version":1,"classes":["person"]}\n'
TRACK = {"id": 1, "box": [1, 2, 3, 4], "score": 0.5, "label": 0, "state": "observed", "gap": 0}


def frame(**changes):
    return json.dumps({"frame": 0, "time_s": 0.0, "tracks": [{**TRACK, **changes}], "ended": []})


def without(key):
    track = {name: value for name, value in TRACK.items() if name != key}
    return json.dumps({"frame": 0, "tracks": [track]})


ATTACKS = {
    "a box of two numbers": frame(box=[1, 2]),
    "a box of five": frame(box=[1, 2, 3, 4, 5]),
    "a box of text": frame(box="1234"),
    "a box of null": frame(box=[1, 2, None, 4]),
    "no box": without("box"),
    "no state": without("state"),
    "a strange state": frame(state="seen"),
    "a state that is a list": frame(state=["observed"]),
    "infinity": frame(box=[1, 2, float("inf"), 4]),
    "not a number": frame(score=float("nan")),
    "a number of 400 digits": frame(box=[1, 2, 10**400, 4]),
    "an id of 400 digits": frame(id=10**400),
    "a number of 6000 digits": frame().replace("0.5", "1" * 6000),
    "an id of a half": frame(id=0.5),
    "an id that is true": frame(id=True),
    "a negative id": frame(id=-1),
    "a label that is text": frame(label="person"),
    "a label out of reach": frame(label=2**40),
    "a side out of reach": frame(box=[1, 2, 1e300, 4]),
    "a frame of a billion billions": frame().replace('"frame": 0', '"frame": 1000000000000000000'),
    "a frame that is infinite": frame().replace('"frame": 0', '"frame": Infinity'),
    "a time that is text": frame().replace('"time_s": 0.0', '"time_s": "now"'),
    "tracks that are numbers": '{"frame": 0, "tracks": [1, 2]}',
    "tracks that are no list": '{"frame": 0, "tracks": {"id": 1}}',
    "5000 brackets": "[" * 5000,
    "5000 nested objects": '{"frame":' * 5000,
    "brackets in a box": frame().replace("[1, 2, 3, 4]", "[" * 5000 + "]" * 5000),
    "half a line": frame()[:30],
    "a list": "[1, 2]",
    "text": "{frame",
    "COCO": '{"images": [], "annotations": [], "categories": []}',
    "another tool's line": '{"image": "a.jpg", "boxes": []}',
    "a revision of unlike lengths": '{"revision": {"id": 1, "frames": [1, 2], "boxes": []}}',
    "a revision that is a number": '{"revision": 5}',
    "a surrogate in a name": HEADER.replace("person", "\\ud800"),
    "a name that is a number": HEADER.replace('"person"', "5"),
    "names that are text": HEADER.replace('["person"]', '"person"'),
    "a later version": HEADER.replace(":1,", ":2,"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_what_mambatrack_does_not_write_is_refused_with_its_line(tmp_path, name):
    path = tmp_path / "a.jsonl"
    path.write_text(f"{frame().replace(': 0,', ': 5,', 1)}\n\n{ATTACKS[name]}\n")
    with pytest.raises(MambatrackError, match=r"a\.jsonl, line 3: not the JSON Lines that mambat"):
        read_json_lines(path)
    assert len(str(pytest.raises(MambatrackError, read_json_lines, path).value)) < 500


def test_bytes_that_are_no_utf_8_are_refused(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(HEADER.encode() + frame().encode() + b"\n\xff\xfe{}\n")
    with pytest.raises(MambatrackError, match="line 3: .*it is no UTF-8 text"):
        read_json_lines(path)


def test_lines_of_other_kinds_are_passed_over_below_our_header(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\ufeff" + HEADER + '{"event": {"line": "door"}}\n' + frame() + "\n")
    found = read_json_lines(path)
    assert len(found.rows) == 1 and found.names == ("person",) and found.frames == [0]


def test_boxes_without_size_are_told(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(HEADER + frame(box=[5, 5, 5, 9]))
    with pytest.warns(UserWarning, match=r"boxes without size are left out \(1\)"):
        assert len(read_recording(path)) == 0


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["id", "box", "state", "score", "label", "gap", "frame", "tracks", "revision"]
    ), inner),
    max_leaves=12,
)  # fmt: skip


@settings(deadline=None)
@given(st.sampled_from([*TRACK, "frame", "tracks", "time_s"]), values)
def test_any_value_in_any_place_is_read_or_refused(tmp_path_factory, key, value):
    whole = json.loads(frame())
    (whole["tracks"][0] if key in TRACK else whole)[key] = value
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_text(json.dumps(whole))
    try:
        assert len(read_recording(path)) <= 1
    except MambatrackError as error:
        assert "any.jsonl, line 1" in str(error)


@pytest.mark.parametrize("name", ["infinity", "5000 brackets", "a box of two numbers"])
def test_no_command_ends_in_a_traceback(tmp_path, name, capsys):
    path = tmp_path / "a.jsonl"
    path.write_text(HEADER + ATTACKS[name] + "\n")
    assert main(["export-tracks", str(path), "--format=cvat", f"--out={tmp_path / 'o.zip'}"]) == 1
    assert "line 2: not the JSON Lines" in capsys.readouterr().err
