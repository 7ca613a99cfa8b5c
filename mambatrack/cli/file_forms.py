"""What a written file is by the ending of its name, which must not say something else.

An option declares it: ``add("--csv", type=WrittenFile, form=CSV)``. A name without an ending, or
with one that nobody knows, holds whatever is written there.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from mambatrack.errors import MambatrackError
from mambatrack.sources.file_types import IMAGE_TYPES, VIDEO_TYPES

CSV, JSON, JSON_LINES, MOT, TEXT = "CSV", "JSON", "JSON Lines", "MOT text", "text"
HTML, MARKDOWN, XML, YAML, ZIP = "HTML", "Markdown", "XML", "YAML", "a zip archive"
VIDEO_FILE, PICTURE, ARRAY, ONNX, WEIGHTS = "a video", "a picture", "an array", "ONNX", "weights"
RERUN, STATE, FOLDER = "a recording of rerun", "a saved state", "a folder"
UNWRITTEN = ".pgm", ".jfif"  # pictures that are read alone
ENDINGS: Mapping[str, tuple[str, ...]] = {
    CSV: (".csv",),
    JSON: (".json",),
    JSON_LINES: (".jsonl", ".ndjson"),
    TEXT: (".txt",),
    HTML: (".html", ".htm"),
    MARKDOWN: (".md", ".markdown"),
    XML: (".xml",),
    YAML: (".yaml", ".yml"),
    ZIP: (".zip",),
    VIDEO_FILE: tuple(each for each in VIDEO_TYPES if each != ".gif"),
    PICTURE: (".png", ".gif", *(each for each in IMAGE_TYPES if each not in UNWRITTEN)),
    "a picture of a kind that is not written": (*UNWRITTEN, ".svg", ".avif", ".heic", ".jxl"),
    ARRAY: (".npy",),
    ONNX: (".onnx",),
    WEIGHTS: (".safetensors",),
    RERUN: (".rrd",),
    STATE: (".state",),
    "arrays": (".npz",),
    "weights of torch": (".pt", ".pth", ".ckpt"),
    "pickled objects": (".pkl", ".pickle"),
    "a table of a spreadsheet": (".xlsx", ".xls", ".ods"),
    "text with tabs": (".tsv",),
    "Parquet": (".parquet", ".feather"),
    "HDF5": (".h5", ".hdf5", ".mat"),
    "a database": (".db", ".sqlite"),
    "a PDF": (".pdf",),
    "compressed": (".gz", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz"),
}
FORM_OF = {ending: form for form, endings in ENDINGS.items() for ending in endings}
AS_TEXT = {MOT: TEXT}  # forms that share an ending
Forms = tuple[str, ...]
Form = str | Forms | Callable[[argparse.Namespace], Forms]


def check_form(name: str, option: str, forms: Forms) -> None:
    """Raises MambatrackError where the name ends as that of a file of another form."""
    path, named = Path(name), FORM_OF.get(Path(name).suffix.lower())
    endings = [ENDINGS[AS_TEXT.get(form, form)][0] for form in forms if form != FOLDER]
    if named is None or named in [AS_TEXT.get(form, form) for form in forms]:
        return
    if not endings and path.is_dir():
        return
    stem = path.stem
    while Path(stem).suffix.lower() in FORM_OF:
        stem = Path(stem).stem
    meant = _listed([f"{stem}{each}" for each in endings]) if endings else stem
    raise MambatrackError(
        f"{name} is named as {named}, but {option} writes {_listed(list(forms))}; name it {meant}"
    )


def _listed(names: list[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
