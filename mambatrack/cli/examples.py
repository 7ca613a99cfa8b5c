"""Commands to begin with, for the help of each."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "track": (
        "mambatrack track clip.mp4 --output people.mp4 --mot people.txt",
        "mambatrack track clip.mp4 --weights det.txt --csv people.csv",
        "mambatrack track videos/ --out results/ --workers 2",
        "mambatrack track --dataset data/val --out results/",
    ),
    "live": (
        "mambatrack live 0 --show",
        "mambatrack live rtsp://camera/stream --serve --state tracks.state",
    ),
    "detect": (
        "mambatrack detect clip.mp4 --detector yolox_s --classes person --out det.txt",
        "mambatrack detect --dataset data/train --weights model.onnx",
    ),
    "camera": ("mambatrack camera clip.mp4 --boxes det.txt --out camera.txt",),
    "train": ("mambatrack train --dataset data/train --out run/",),
    "train-association": ("mambatrack train-association --dataset data/train --out run/",),
    "train-gap-filling": ("mambatrack train-gap-filling --dataset data/train --out run/",),
    "train-embedder": ("mambatrack train-embedder --crops crops/ --out run/",),
    "train-detector": ("mambatrack train-detector --dataset pictures/ --out run/",),
    "eval": (
        "mambatrack eval --dataset data/val --results results/ --report report.html",
        "mambatrack eval --dataset data/val --predictor mamba-window kalman",
    ),
    "eval-motion": ("mambatrack eval-motion --dataset data/val --predictor mamba kalman",),
    "tune": ("mambatrack tune --dataset data/train --trials 50 --out study/",),
    "bench": ("mambatrack bench --objects 10 100",),
    "simulate": ("mambatrack simulate --dataset data/train --like data/val --out simulated/",),
    "submit": ("mambatrack submit --server dancetrack --results results/",),
    "ids": ("mambatrack ids swap 3 7 people.txt --from 120", "mambatrack ids undo people.txt"),
    "link": ("mambatrack link a.jsonl b.jsonl --out linked/",),
    "gallery": ("mambatrack gallery tracks.state --forget 3",),
    "export-tracks": (
        "mambatrack export-tracks people.jsonl --format cvat --video clip.mp4 --out people.zip",
        "mambatrack export-tracks people.jsonl --format mot --out people.txt",
    ),
    "config": ("mambatrack config > tracker.yaml",),
    "info": ("mambatrack info",),
    "export": ("mambatrack export --predictor mamba --out motion.onnx",),
    "quantize": ("mambatrack quantize run/weights.safetensors --out small.safetensors",),
}
SETTINGS = """\
Any setting can be given by its dotted name, as --tracker.max_age 60;
'mambatrack config' lists them."""


def epilog(command: str) -> str:
    """What stands below the options of a command."""
    lines = "\n".join(f"  {line}" for line in EXAMPLES[command])
    return f"examples:\n{lines}\n\n{SETTINGS}"
