"""Every setting with its default, unit and range, as frozen dataclasses; config.py reads them."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from mambatrack.option import NORMALISATIONS, TRAINED, option
from mambatrack.renamed import old_keywords
from mambatrack.training_settings import (
    AssociationConfig,
    DetectorTrainingConfig,
    EmbedderConfig,
    GapFillingConfig,
    TrainingConfig,
)

PREDICTORS = ("mamba-window", "mamba", "kalman", "velocity", "still")
ASSOCIATIONS = ("learned", "light", "overlap")
CAMERAS = ("off", "auto", "boxes", "pictures")
LAYERS = ("boxes", "ids", "labels", "scores", "trails", "lost", "legend", "forecast", "zones")


@old_keywords("tracker")
@dataclass(frozen=True)
class TrackerConfig:
    """How boxes become tracks."""

    predictor: str = option(
        "mamba-window",
        "motion model; mamba-window is bi-directional over a window of boxes, mamba causal",
        choices=PREDICTORS,
        files=TRAINED,
    )
    device: str = option("auto", "where the network runs", choices=("auto", "cpu", "cuda"))
    association: str = option(
        "learned",
        "who is who: learned is three shipped networks, light one, overlap IoU and gates",
        choices=ASSOCIATIONS,
        files=TRAINED,
    )
    match_odds: float = option(0.0, "learned: lowest log-odds of a match", -20.0, 20.0)
    birth_odds: float = option(
        0.0, "learned: lowest log-odds of a person where a track starts near others", -20.0, 20.0
    )
    caution: float = option(
        0.0,
        "1: never join two people, a track ends wherever it is not sure who goes on; 0: the best "
        "guess; -1: never lose one, tracks start less easily near others",
        -1.0,
        1.0,
    )
    hypotheses: int = option(
        3, "learned: answers to who is who that go on side by side until one is likelier", 1, 100
    )
    passes: int = option(
        1, "2: active tracks are matched before lost ones (the paper); 1: all together", 1, 2
    )
    match_score: float = option(0.6, "lowest detection score that is matched at all", 0.0, 1.0)
    birth_score: float = option(0.6, "lowest score of a detection that starts a track", 0.0, 1.0)
    birth_iou: float = option(
        0.45, "a track starts only where IoU with every live track's box is below this", 0.0, 1.0
    )
    iou_gate: float = option(0.15, "lowest similarity of a match", 0.0, 1.0)
    height_power: float = option(
        2.0,
        "similarity is IoU times the overlap of heights to this power; 0 is plain IoU",
        0.0,
        8.0,
    )
    frame_rate: float = option(
        0.0,
        "frames a second of the motion model, by which time stamps are counted; 0: each update is "
        "one frame",
        0.0,
        1000.0,
    )
    reach: float = option(
        6.0,
        "learned: sizes of its box by which an object moves between two updates at most, where it "
        "is known to be fast, or most of its class are; 0: only boxes that overlap are matched",
        0.0,
        100.0,
    )
    steady: bool = option(
        True,
        "where the stream shows that a detector's boxes jitter more than motion models know, the "
        "jitter is taken off, from what is put out and from what the motion model sees, and a "
        "Kalman filter beside it shares in what is predicted",
    )
    max_age: int = option(
        120, "frames of the motion model without a detection after which a track ends", 1, 100_000
    )
    motion_max_age: int = option(
        15,
        "max_age with the detector motion, which finds few again whom it lost for longer; where "
        "max_age alone is given, it counts",
        1,
        100_000,
    )
    lifeless_s: float = option(
        5.0, "track, live: unchanged so long, a person of low score is a thing; 0: never", 0.0, 1e5
    )
    min_hits: int = option(1, "frames seen before a track is confirmed", 1, 1000)
    class_aware: bool = option(False, "never match a detection to a track of another class")
    camera: str = option(
        "off",
        "how the camera moves between two frames, so that tracks move with it: off, as if it "
        "stood; pictures, from them; boxes, from those that are matched; auto, from either where "
        "that is sure",
        choices=CAMERAS,
        files="a file of transforms, or a folder with one for each sequence",
    )
    offline: bool = option(
        False, "decide after the last frame, looking both ways: not an online result"
    )
    straighten_history: bool = option(
        False,
        "mamba-window: when a lost track is found again, the boxes that were predicted for it "
        "become a straight line in its window",
    )
    seen_window: int = option(
        0,
        "mamba-window: past offsets that are read of a track seen in the frame before, 0 for all; "
        "3 take .4 of the time of 10. A track in a gap is read whole",
        0,
        1000,
    )


@dataclass(frozen=True)
class DetectorConfig:
    """Who finds the boxes."""

    name: str = option(
        "auto",
        "motion, onnx, own, yolox, rtmdet, file, or a name from configs/detectors.yaml; auto is "
        "what the weights are for, else a model in the cache, else yolox_nano is fetched, else "
        "own; of a data set each sequence's det/det.txt",
    )
    weights: str = option(
        "", "path of the weights (onnx, yolox, rtmdet; own has some) or of det.txt (file)"
    )
    conf: float = option(0.1, "lowest score of a detection", 0.0, 1.0)
    own_conf: float = option(
        0.5,
        "conf with the detector own, whose scores are the shares of such boxes that are right; "
        "where conf alone is given, it counts",
        0.0,
        1.0,
    )
    scores: str = option(
        "plain",
        "what column 7 of a det.txt has: plain, scores of 0 to 1; percent, 0 to 100; logit, whose "
        "logistic is the score",
        choices=("plain", "percent", "logit"),
    )
    nms_iou: float = option(0.65, "IoU above which the weaker of two boxes is dropped", 0.0, 1.0)
    classes: tuple[str, ...] = option(
        (),
        "class names or ids to keep; empty or all keeps all; of a network that auto has chosen, "
        "empty keeps people, vehicles and animals",
    )
    class_names: tuple[str, ...] = option(
        (), "names of a network's classes, in their order, where its file does not have them"
    )
    side: int = option(
        0,
        "longer side in pixels of the picture as a network sees it, where its file leaves that "
        "open; 0 for what the file says, else 640",
        0,
        8192,
    )
    slice: int = option(
        0,
        "side in pixels of overlapping parts of the picture that a network sees one by one beside "
        "the whole, for small objects; 0 for the whole alone",
        0,
        16384,
    )
    slice_overlap: float = option(0.2, "share of the side by which slices overlap", 0.0, 0.9)
    convention: str = option(
        "auto",
        "pre-processing of YOLOX and PaddleDetection (docs/detectors.md)",
        choices=("auto", "legacy", "current"),
    )
    backend: str = option("auto", "what runs ONNX files", choices=("auto", "opencv", "onnxruntime"))


@dataclass(frozen=True)
class AppearanceConfig:
    """What objects look like, as a further cue of who is who."""

    embedder: str = option(
        "auto",
        "what looks at the picture inside of boxes: off, colour (of clothes), own (the shipped "
        "network and colours), a name from configs/embedders.yaml, or the path of an ONNX or "
        "OpenVINO file, or of one that train-embedder wrote; auto is colour in track and live "
        "where the detector finds its boxes in pictures, and off elsewhere",
    )
    normalisation: str = option(
        "auto",
        "of pixels, for a file: imagenet; half, (p - 127.5) / 127.5; rgb or bgr, 0 to 255; auto is "
        "imagenet for ONNX, bgr for OpenVINO",
        choices=NORMALISATIONS,
    )

    @property
    def named(self) -> bool:
        """Whether an embedder was asked for by name."""
        return self.embedder not in ("off", "auto")


@dataclass(frozen=True)
class MemoryConfig:
    """Who left and comes back, known again by an embedder."""

    seconds: float = option(
        0.0, "for which tracks that ended are kept; 0: nothing is kept", 0.0, 1e7
    )
    size: int = option(1000, "tracks that are kept at most, the newest", 1, 1_000_000)
    surety: float = option(0.9, "probability from which a new track is somebody who left", 0.5, 1.0)
    pictures: bool = option(False, "a small picture of each is kept too, for mambatrack gallery")
    shared: bool = option(
        False,
        "the sources of live have one memory: who was seen by one is known again by the others, "
        "and an id is one person in all of them",
    )


@dataclass(frozen=True)
class DatasetConfig:
    """What is believed of a data set."""

    longest: int = option(
        1_000_000, "frames of a sequence; a larger number is refused as a mistake", 1, 2**31 - 1
    )


@dataclass(frozen=True)
class CountingConfig:
    """Lines and zones at which identities are counted (track, live)."""

    lines: tuple[str, ...] = option((), "each as name:x0,y0,x1,y1 in pixels")
    zones: tuple[str, ...] = option((), "each as name:x,y;x,y;x,y in pixels")
    anchor: str = option("foot", "point of a box that counts", choices=("foot", "centre"))
    margin: float = option(
        0.05, "share of a box's height between anchor and border before a side counts", 0.0, 1.0
    )


@dataclass(frozen=True)
class DrawingConfig:
    """What pictures and the page show of the tracks (track, live)."""

    layers: tuple[str, ...] = option(
        ("boxes", "ids", "labels", "trails", "lost", "legend", "zones"),
        "what is drawn; empty draws nothing",
        choices=LAYERS,
    )
    hidden_s: float = option(
        1.0, "seconds for which a hidden track is drawn at most (layer lost)", 0.0, 600.0
    )
    trail_s: float = option(2.0, "seconds that trails go back", 0.1, 60.0)
    scale: float = option(1.0, "factor on the size of lines and text", 0.25, 8.0)


@old_keywords("")
@dataclass(frozen=True)
class Config:
    """All settings, by section."""

    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    association: AssociationConfig = field(default_factory=AssociationConfig)
    gap_filling: GapFillingConfig = field(default_factory=GapFillingConfig)
    appearance: AppearanceConfig = field(default_factory=AppearanceConfig)
    embedder: EmbedderConfig = field(default_factory=EmbedderConfig)
    detector_training: DetectorTrainingConfig = field(default_factory=DetectorTrainingConfig)
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    counting: CountingConfig = field(default_factory=CountingConfig)
    drawing: DrawingConfig = field(default_factory=DrawingConfig)


def with_own_conf(detector: DetectorConfig) -> DetectorConfig:
    """The same settings; of the detector own, conf is own_conf."""
    if detector.name == "own":
        return replace(detector, conf=detector.own_conf)
    return detector


def with_implied_name(detector: DetectorConfig) -> DetectorConfig:
    """The same settings; where no detector is named, an ONNX file is for onnx, one that
    train-detector wrote for own."""
    implied = {".onnx": "onnx", ".safetensors": "own"}
    kind = implied.get(Path(detector.weights).suffix.lower())
    if detector.name == "auto" and kind:
        return replace(detector, name=kind)
    return detector
