"""Small result files, and what is in them."""

import json

HEADER = {"format": "mambatrack-tracks", "version": 1, "classes": ["person"]}
MOT = "1,1,10,20,30,40,0.9,-1,-1,-1\n1,2,50,20,30,40,0.8,-1,-1,-1\n2,1,11,20,30,40,0.9,-1,-1,-1\n"


def mot_file(folder, text=MOT):
    path = folder / "r.txt"
    path.write_bytes(text.encode())
    return path


def jsonl_file(folder, frames, ended=None, more=()):
    """frames: for each, {id: state}; a state may be "predicted:GAP"."""
    path = folder / "r.jsonl"
    lines = [HEADER]
    for number, tracks in enumerate(frames):
        lines.append({
            "frame": number, "time_s": None, "ended": (ended or {}).get(number, []),
            "tracks": [
                {"id": i, "box": [i, 0, i + 5, 9], "state": state.split(":")[0],
                 "gap": int((state + ":0").split(":")[1])}
                for i, state in tracks.items()
            ],
        })  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in [*lines, *more]))
    return path


def records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def ids_of(path):
    return [[each["id"] for each in line["tracks"]] for line in records(path) if "tracks" in line]
