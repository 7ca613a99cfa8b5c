"""The notebook runs from its first cell to its last, shows what it says, and is stored without
outputs."""

import ast
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = json.loads((ROOT / "docs/notebooks/quickstart.ipynb").read_text(encoding="utf-8"))
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def run_cell(source: str, scope: dict) -> object:
    """Runs a cell -> the value of its last line, which a notebook shows; None where that is no
    expression or ends with a semicolon."""
    body = ast.parse(source).body
    shown = body.pop() if isinstance(body[-1], ast.Expr) and not source.endswith(";") else None
    exec(compile(ast.Module(body, []), "<cell>", "exec"), scope)
    if shown is None:
        return None
    return eval(compile(ast.Expression(shown.value), "<cell>", "eval"), scope)


def test_the_notebook_runs_and_shows_what_it_says(capsys, monkeypatch, tmp_path):
    pytest.importorskip("trackeval", reason="needs the extra [eval]")
    pytest.importorskip("matplotlib", reason="needs the extra [plot]").use("Agg")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    scope: dict = {}
    shown = {cell["id"]: run_cell("".join(cell["source"]), scope) for cell in CODE}
    assert repr(shown["world"]).startswith("<Detections: ")
    assert "120 frames" in repr(shown["track"])
    assert "<td>predicted</td>" in shown["table"]._repr_html_()
    assert "<td>person</td>" in shown["table"]._repr_html_()
    assert "person " in capsys.readouterr().out
    assert shown["data"] == [(1, "red"), (2, "blue")]
    assert scope["picture"].shape == (360, 640, 3)
    assert shown["score"].combined.IDF1 > 75 and "<th>HOTA</th>" in shown["score"]._repr_html_()


def test_the_notebook_is_stored_without_outputs_and_as_the_format_asks():
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    names = [cell["id"] for cell in NOTEBOOK["cells"]]
    assert len(set(names)) == len(names)
    for cell in CODE:
        assert cell["outputs"] == [] and cell["execution_count"] is None
