import pytest

from mambatrack.errors import MambatrackError
from wild_files import SEQINFO, assert_perfect, rows, scored


def test_empty_frames_take_neither_time_nor_memory(tmp_path):
    info = SEQINFO.replace("=12", "=1000000")
    assert_perfect(scored(tmp_path, rows(), seqinfo=info))


def test_what_would_take_more_memory_than_there_is_is_refused(tmp_path):
    lines = (f"{1 + n % 10},{n},{n},10,20,30,1,1,1\n" for n in range(120_000))
    text = "".join(lines)
    with pytest.raises(MambatrackError, match=r"120000 objects and 120000 ids of tracks; .* GB"):
        scored(tmp_path, text, text)
