"""Boxes in CSV, by the names of its columns."""

import pytest

from mambatrack.csv_boxes import is_csv, read_csv_table
from mambatrack.errors import MambatrackError

# as supervision's CSVSink, pandas' frame of YOLOv5, a spreadsheet of MOT's columns and others write
KINDS = {
    "supervision": "x_min,y_min,x_max,y_max,class_id,confidence,tracker_id,class_name,frame_index\n"
    "10,20,40,80,2,0.5,7,car,0\n",
    "pandas": ",frame,xmin,ymin,xmax,ymax,confidence,class,name,track_id\n"
    "0,1,10,20,40,80,0.5,2,car,7\n",
    "MOT": "frame;id;bb_left;bb_top;bb_width;bb_height;conf;class_id;class_name\n"
    '1;7;10;20;30;60;0.5;2;"car"\n',
    "sizes": "frame_id,track_id,left,top,width,height,score,label,name\n"
    "1,7,10,20,30,60,0.5,2,car\n",
    "centres": "Frame,ID,cx,cy,w,h,score,class,name\n1,7.0,25,50,30,60,.5,2,car\n",
}


def table_of(tmp_path, text):
    path = tmp_path / "boxes.csv"
    path.write_text(text, encoding="utf-8")
    assert is_csv(text)
    return read_csv_table(path)


@pytest.mark.parametrize("kind", KINDS)
def test_columns_are_found_by_their_names(tmp_path, kind):
    table = table_of(tmp_path, KINDS[kind])
    [row] = table.rows
    assert (row.frame, row.identity, row.box) == (0, 7, [10, 20, 40, 80])
    assert (row.score, row.label, row.state, table.names[2]) == (0.5, 2, "observed", "car")


def test_frames_count_from_0_where_any_does(tmp_path):
    head = "frame,x1,y1,x2,y2\n"
    rows = [f"{number},10,20,40,80\n" for number in range(3)]
    assert [row.frame for row in table_of(tmp_path, head + "".join(rows)).rows] == [0, 1, 2]
    assert [row.frame for row in table_of(tmp_path, head + "".join(rows[1:])).rows] == [0, 1]
    of_index = head.replace("frame", "frame_index") + "".join(rows[1:])
    assert [row.frame for row in table_of(tmp_path, of_index).rows] == [1, 2]


def test_what_is_left_empty_has_a_default_and_names_are_numbered(tmp_path):
    text = "\ufeffframe,x1,y1,x2,y2,score,track_id,class\n1,1,2,30,40,,None,dog\n\n"
    table = table_of(tmp_path, text + "2,1,2,30,40,.5,3,cat\n")
    assert [(row.score, row.identity, row.label) for row in table.rows] == [(1, -1, 0), (0.5, 3, 1)]
    assert table.names == ("dog", "cat")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,x1,y1,x2,y2\n1,1,2,3,4\n", "line 1: no columns of frames among 'id, x1, y1, x2, y2'"),
        ("frame,x,y,w,h\n1,1,2,3,4\n", "line 1: no columns of boxes among"),
        ("frame,x1,y1,x2,y2\n1,1,2,30,40\n2,1,2,30\n", "line 3: 4 cells below 5 names"),
        ("frame,x1,y1,x2,y2\n1,1,2,30,wide\n", "line 2: y2 is 'wide'; expected a number"),
        ("frame,x1,y1,x2,y2\n1.5,1,2,30,40\n", "line 2: frame is '1.5'; expected a whole number"),
        ("frame,x1,y1,x2,y2\n1,1,2,30,inf\n", "line 2: y2 is 'inf'; expected a number"),
        (
            "frame,x1,y1,x2,y2\n1,1,2,3e8,9\n",
            r"line 2: a side of a box is 3e\+08, which no",
        ),
        ("frame,cx,cy,w,h\n1,.5,.5,.1,.2\n", "these look like shares of the picture"),
    ],
)
def test_what_is_no_box_is_named_with_its_line(tmp_path, text, message):
    with pytest.raises(MambatrackError, match=message):
        table_of(tmp_path, text)


@pytest.mark.parametrize("start", ["1,1,10,20,30,40\n", '{"frame": 0}', "nan,1,2,3\n", "", "text"])
def test_other_texts_are_no_csv(start):
    assert not is_csv(start)
