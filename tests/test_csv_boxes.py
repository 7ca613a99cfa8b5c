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


@pytest.mark.parametrize(
    "columns",
    [
        "xmin,ymin,w,h", "x1,y1,width,height", "x_min,y_min,w,h", "left,top,w,h",
        "bbox_left,bbox_top,bbox_w,bbox_h", "bbox_x1,bbox_y1,bbox_width,bbox_height",
    ],
)  # fmt: skip
def test_a_corner_may_stand_with_a_size(tmp_path, columns):
    [row] = table_of(tmp_path, f"frame,{columns}\n1,10,20,30,60\n").rows
    assert row.box == [10, 20, 40, 80]


@pytest.mark.parametrize("columns", ["center_x,center_y,w,h", "xc,yc,width,height"])
def test_a_middle_may_stand_with_a_size(tmp_path, columns):
    [row] = table_of(tmp_path, f"frame,{columns}\n1,25,50,30,60\n").rows
    assert row.box == [10, 20, 40, 80]


@pytest.mark.parametrize(
    ("column", "names", "frames"),
    [
        ("image", ["shot_0001.jpg", "shot_0003.jpg"], [0, 2]),
        ("filename", ["a/b2/000000.png", "a/b2/000001.png"], [0, 1]),
        ("image_id", ["1", "2"], [0, 1]),
        ("file_name", ["c:\\2\\7.png", "c:\\2\\8.png"], [6, 7]),
        ("frame_no", ["1", "5"], [0, 4]),
    ],
)
def test_pictures_are_frames_by_the_last_number_in_their_names(tmp_path, column, names, frames):
    rows = "".join(f"{name},10,20,40,80\n" for name in names)
    table = table_of(tmp_path, f"{column},x1,y1,x2,y2\n{rows}")
    assert [row.frame for row in table.rows] == frames


def test_a_picture_without_a_number_is_refused(tmp_path):
    with pytest.raises(MambatrackError, match="frame is 'shot.jpg'; expected a number"):
        table_of(tmp_path, "image,x1,y1,x2,y2\nshot.jpg,10,20,40,80\n")


def test_x_and_y_may_be_a_corner_or_the_centre(tmp_path):
    with pytest.raises(MambatrackError, match="name them left,top or cx,cy"):
        table_of(tmp_path, "frame,x,y,w,h\n1,10,20,40,80\n")
