"""`mambatrack ids`."""

from pathlib import Path

from fresh_python import python
from mambatrack.cli import main
from result_texts import MOT, mot_file


def command(*arguments):
    return main(["ids", *map(str, arguments)])


def test_the_command_says_what_it_did(tmp_path, capsys):
    path = mot_file(tmp_path)
    (tmp_path / "r.jsonl").write_text("")
    assert command("swap", 1, 2, path, "--from", 2) == 0
    said = capsys.readouterr()
    assert said.out == f"{path}: 1 line changed\n"
    assert "r.jsonl beside it is as it was; its frames count from 0" in said.err
    command("undo", path)
    command("split", 1, 2, path)
    assert capsys.readouterr().out == (
        f"{path}: took back swap 1 2 --from 2\n{path}: 1 is 3 from frame 2 on\n"
    )
    command("--quiet", "merge", 1, 3, path)
    assert capsys.readouterr().out == "" and path.read_text() == MOT
    command("swap", 1, 2, path, "--quiet")
    assert capsys.readouterr().out == "" and path.read_text() != MOT


def test_no_torch_is_needed():
    code = "import mambatrack.result_files.identities, sys; print('torch' in sys.modules)"
    assert python(code, Path()).strip() == "False"
