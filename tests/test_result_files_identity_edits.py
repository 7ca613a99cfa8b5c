"""Edits of ids, cut short or done at random: the file is whole, and each can be undone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.errors import MambatrackError
from mambatrack.result_files import identities
from mambatrack.result_files.identities import ResultFile
from result_texts import MOT, jsonl_file, mot_file


def test_a_file_that_changed_otherwise_is_not_undone(tmp_path):
    path = mot_file(tmp_path)
    ResultFile(path).swap(1, 2)
    path.write_text(path.read_text() + "9,9,1,1,1,1\n")
    for edit in (lambda file: file.undo(), lambda file: file.swap(1, 2)):
        with pytest.raises(MambatrackError, match="has changed since its last edit"):
            edit(ResultFile(path))
    log = tmp_path / "r.txt.undo.jsonl"
    log.write_text("oops\n")
    with pytest.raises(MambatrackError, match="is damaged"):
        ResultFile(path).undo()


@pytest.mark.parametrize("step", [0, 1])
def test_an_edit_cut_short_is_whole_or_nothing(tmp_path, monkeypatch, step):
    path, calls, write = mot_file(tmp_path), [], identities.write_text

    def fail(where, text):
        calls.append(where)
        if len(calls) == step + 1:
            raise KeyboardInterrupt
        write(where, text)

    monkeypatch.setattr(identities, "write_text", fail)
    with pytest.raises(KeyboardInterrupt):
        ResultFile(path).swap(1, 2)
    monkeypatch.undo()
    assert path.read_text() == MOT
    ResultFile(path).split(1, 2)
    ResultFile(path).undo()
    assert path.read_text() == MOT


def test_an_undo_cut_short_is_whole(tmp_path, monkeypatch):
    path = mot_file(tmp_path)
    ResultFile(path).swap(1, 2)

    def fail(file, entries):
        raise KeyboardInterrupt

    monkeypatch.setattr(ResultFile, "_write_log", fail)
    with pytest.raises(KeyboardInterrupt):
        ResultFile(path).undo()
    monkeypatch.undo()
    assert path.read_text() == MOT
    with pytest.raises(MambatrackError, match="no edit to undo"):
        ResultFile(path).undo()


EDITS = st.lists(
    st.tuples(st.sampled_from(["swap", "merge", "split"]), st.integers(1, 6), st.integers(1, 6),
              st.integers(0, 8)),
    max_size=8,
)  # fmt: skip
STATES = st.sampled_from(["observed", "predicted:1", "predicted:3"])
WORLDS = st.lists(st.dictionaries(st.integers(1, 6), STATES, max_size=4), min_size=1, max_size=8)


@given(WORLDS, EDITS, st.booleans())
@settings(max_examples=150, deadline=None)
def test_whatever_is_done_ids_stay_unique_and_undo_restores_every_byte(
    tmp_path_factory, frames, edits, text
):
    folder = tmp_path_factory.mktemp("edits")
    if text:
        rows = [f"{n + 1},{i},5,5,5,5,1\n" for n, each in enumerate(frames) for i in each]
        path = mot_file(folder, "".join(rows))
    else:
        path = jsonl_file(folder, frames)
    stages = [path.read_bytes()]
    for kind, one, other, first in edits:
        file = ResultFile(path)
        before = path.read_bytes()
        try:
            if kind == "swap":
                file.swap(one, other, first)
            elif kind == "merge":
                file.merge(one, other)
            else:
                file.split(one, first)
        except MambatrackError:
            assert path.read_bytes() == before
            continue
        stages.append(path.read_bytes())
        boxes = list(ResultFile(path).content.boxes())
        assert len(set(boxes)) == len(boxes)
    while len(stages) > 1:
        assert path.read_bytes() == stages.pop()
        ResultFile(path).undo()
    assert path.read_bytes() == stages[0]
    assert [each.name for each in folder.iterdir()] == [path.name]
