"""Result files for annotation tools and viewers, read back by their own libraries where present."""

import pytest

from exported_tracks import exporter, write_result
from mambatrack.errors import MambatrackError


@pytest.fixture
def result(tmp_path):
    return write_result(tmp_path)


@pytest.fixture
def export(result, tmp_path):
    return exporter(result, tmp_path)


def test_a_relative_format_needs_the_size_of_the_picture(export):
    with pytest.raises(MambatrackError, match="give the --video, or its --size"):
        export("label-studio", "l.json")
    with pytest.raises(MambatrackError, match="give it as --video"):
        export("fiftyone", "f", "--size=10x10")


def test_nothing_that_exists_is_written_over_unasked(export, capsys):
    export("cvat", "c.zip", "--seen-only")
    assert "2 tracks, 6 boxes, 0 of them predicted" in capsys.readouterr().out
    with pytest.raises(MambatrackError, match="exists; use --overwrite"):
        export("cvat", "c.zip")
