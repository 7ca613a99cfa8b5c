"""Tracking of whole data sets: one result for each sequence, written once, resumed after a stop.

A results folder holds NAME.txt (MOT text of what was seen), NAME.jsonl (all live tracks with their
states) and run.json, which says with what settings they were made.
"""

import json
import os
from collections.abc import Sequence as Several
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mambatrack.association.loading import association_path
from mambatrack.config import Config
from mambatrack.datasets.sequences import Sequence
from mambatrack.detectors import Detector
from mambatrack.errors import MambatrackError, counted
from mambatrack.files import remove_temporaries_of, replacing, sha256_if_there, write_text
from mambatrack.motion.loading import weights_path
from mambatrack.renamed import as_named_today
from mambatrack.runs.cameras import is_file, transforms_path
from mambatrack.runs.detection_cache import picture_files
from mambatrack.runs.embedding_cache import kept_embedder
from mambatrack.runs.frame_count import frame_done
from mambatrack.runs.output_files import OutputFiles
from mambatrack.runs.run import Totals
from mambatrack.runs.source_run import SequenceFrames, open_run
from mambatrack.sources.frames import FrameSource, open_frames
from mambatrack.version import VERSION

LONGEST_NAME = 255  # bytes of a file's name


@dataclass(frozen=True)
class Job:
    """One sequence to track into ``folder``."""

    sequence: Sequence
    config: Config
    folder: Path

    @property
    def result(self) -> Path:
        """The MOT file, which is there once the sequence is finished."""
        return self.folder / f"{self.sequence.name}.txt"


def plan(
    sequences: Several[Sequence],
    config: Config,
    folder: str | Path,
    overwrite: bool = False,
) -> list[Job]:
    """The jobs that are left to do for results of these settings in ``folder``, which is made.

    overwrite: results that are there are thrown away. Raises MambatrackError where the folder holds
    results of other settings, a sequence has no detections, or two have one name.
    """
    folder = Path(folder)
    _check_sequences(sequences, config)
    _check_camera(sequences, config.tracker.camera, folder)
    if config.appearance.named:
        _check_appearance(sequences, config.appearance.embedder)
    jobs = [Job(each, config, folder) for each in sequences]
    folder.mkdir(parents=True, exist_ok=True)
    settings = {**settings_of(config), "second_half": any(each.start for each in sequences)}
    record = folder / "run.json"
    if overwrite:
        for job in jobs:
            job.result.unlink(missing_ok=True)
    else:
        _check_record(record, settings, jobs)
    write_text(record, json.dumps(settings, indent=1))
    return [job for job in jobs if not _is_finished(job)]


def track_sequence(job: Job) -> Totals:
    """Tracks one sequence; its files appear when they are whole."""
    sequence, config = job.sequence, job.config
    frames, detector = (
        partial(_frames_of, sequence, config),
        partial(sequence_detector, sequence, config),
    )
    states = job.result.with_suffix(".jsonl")
    for path in (job.result, states):
        remove_temporaries_of(path)
    with replacing(job.result) as mot, replacing(states) as jsonl:
        files = OutputFiles(mot=mot, jsonl=jsonl, overwrite=True)
        embedder = partial(kept_embedder, sequence, config.appearance)
        with open_run(
            frames, detector, config, files, name=sequence.name, open_embedder=embedder
        ) as (run, _):
            run.go(frame_done)
    return run.totals(sequence.name)


def _frames_of(sequence: Sequence, config: Config) -> SequenceFrames | FrameSource:
    """With pictures only where something is to be seen in them, as they take time."""
    if _looks(config) and sequence.images is not None:
        return open_frames(sequence.images, start=sequence.start, stop=sequence.last)
    return SequenceFrames(sequence)


def _looks(config: Config) -> bool:
    """Whether the tracker looks at pictures, whoever finds the boxes."""
    return config.tracker.camera in ("pictures", "auto") or config.appearance.named


def pictures_used(sequence: Sequence, config: Config) -> Path | None:
    """Where the pictures are that results depend on; None where they depend on none."""
    return sequence.images if _looks(config) or not _from_file(config) else None


def _from_file(config: Config) -> bool:
    """Whether the boxes are those of det/det.txt."""
    return config.detector.name in ("auto", "file")


def sequence_detector(sequence: Sequence, config: Config) -> Detector:
    """det/det.txt, or what the configured detector finds in img1/, computed once and kept."""
    settings = config.detector
    if _from_file(config):
        from mambatrack.detectors.from_file import FileDetector

        assert sequence.det_path is not None
        return FileDetector(sequence.det_path, settings.conf, settings.classes, settings.scores)
    from mambatrack.runs.detection_cache import detect_sequence

    return detect_sequence(sequence, settings)


def settings_of(config: Config) -> dict[str, Any]:
    """All that results depend on, as plain JSON."""
    weights = weights_path(config.tracker.predictor)
    said = {
        "mambatrack": VERSION,
        "tracker": asdict(config.tracker),
        "detector": asdict(config.detector),
        "predictor_sha256": sha256_if_there(weights),
        "association_sha256": sha256_if_there(association_path(config.tracker)),
    }
    if config.appearance.named:
        said["appearance"] = asdict(config.appearance)
        said["memory"] = asdict(config.memory)
        said["embedder_sha256"] = sha256_if_there(Path(config.appearance.embedder))
    return json.loads(json.dumps(said))


def _check_sequences(sequences: Several[Sequence], config: Config) -> None:
    names = [each.name for each in sequences]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise MambatrackError(f"two sequences are named {twice[0]}; track them one by one")
    long = [name for name in names if len(os.fsencode(f"{name}.jsonl")) > LONGEST_NAME]
    if long:
        raise MambatrackError(
            f"the sequence name {long[0][:20]}... is too long for the file of its results; rename "
            f"its folder to at most {LONGEST_NAME - len('.jsonl')} bytes"
        )
    from_file = _from_file(config)
    if from_file and config.detector.weights:
        raise MambatrackError(
            f"the weights {config.detector.weights} would not be used, as each det/det.txt is "
            "read; name their --detector, as yolox"
        )
    for setting in ("slice", "class_names") if from_file else ():
        if getattr(config.detector, setting):
            raise MambatrackError(
                f"detector.{setting} is for networks, and each det/det.txt is read; name a "
                "--detector"
            )
    blind = [each for each in sequences if not (each.det_path if from_file else each.images)]
    if blind:
        needed = "det/det.txt" if from_file else "img1/"
        raise MambatrackError(
            f"{blind[0].name} in {blind[0].folder} has no {needed}; write a detector's boxes to "
            "det/det.txt, as frame,-1,left,top,width,height,score, or let a --detector find them "
            "in img1/ or a video"
        )


def _check_camera(sequences: Several[Sequence], setting: str, folder: Path) -> None:
    """Refuses transforms that are not there for each sequence, or would be written over."""
    blind = [each.name for each in sequences if setting == "pictures" and each.images is None]
    if blind:
        raise MambatrackError(
            f"{blind[0]} has no pictures (img1/) to see the camera move in; use --camera auto or "
            "boxes, or a folder of transforms"
        )
    if is_file(setting):
        if len(sequences) > 1 and not Path(setting).is_dir():
            raise MambatrackError(
                f"the camera {setting} is one file for {counted(len(sequences), 'sequence')}; "
                "expected a folder with a file for each, SEQUENCE.txt"
            )
        if Path(setting).resolve() == folder.resolve():
            raise MambatrackError(f"{folder} holds the transforms; name another folder for results")
        for sequence in sequences:
            transforms_path(setting, sequence.name)


def _check_appearance(sequences: Several[Sequence], embedder: str) -> None:
    blind = [each.name for each in sequences if each.images is None]
    if blind:
        raise MambatrackError(
            f"{blind[0]} has no pictures (img1/) for the embedder {embedder}; leave out "
            "--appearance, or choose sequences that have some"
        )


def _check_record(record: Path, settings: dict[str, Any], jobs: list[Job]) -> None:
    """Refuses a folder whose results are not these settings'."""
    there = [job for job in jobs if job.result.exists()]
    if not there:
        return
    try:
        before = as_named_today(json.loads(record.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise MambatrackError(
            f"{there[0].result} exists, but no run.json beside it that says how it was made; use "
            "--overwrite or another folder"
        ) from None
    except (ValueError, AttributeError, RecursionError):  # damaged, or not ours
        before = {}
    if before != settings:
        raise MambatrackError(
            f"{record.parent} holds results of other settings ({_difference(before, settings)}); "
            "use --overwrite or another folder"
        )


def _difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    """The first setting that differs, as ``tracker.max_age was 30, is 60``."""
    for section, value in now.items():
        old = before.get(section)
        if isinstance(value, dict) and isinstance(old, dict):
            for key, item in value.items():
                if old.get(key) != item:
                    return f"{section}.{key} was {old.get(key)!r}, is {item!r}"
        elif old != value:
            return f"{section} was {old!r}, is {value!r}"
    return "an older format"


def _is_finished(job: Job) -> bool:
    """There, and not older than the detections, transforms and pictures it was made from."""
    if not job.result.exists():
        return False
    config, read = job.config, []
    if _from_file(config) and job.sequence.det_path is not None:
        read.append(job.sequence.det_path)
    images = pictures_used(job.sequence, config)
    if images is not None:
        read += [images, *picture_files(images)]
    if is_file(config.tracker.camera):
        read.append(transforms_path(config.tracker.camera, job.sequence.name))
    made = job.result.stat().st_mtime
    return all(path.stat().st_mtime <= made for path in read)
