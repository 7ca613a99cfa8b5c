"""What a motion model learns from, is validated on and has its spread measured on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.config import TrainingConfig
from mambatrack.datasets.people import in_model_frames, read_people
from mambatrack.datasets.sequences import Sequence, find_sequences
from mambatrack.errors import MambatrackError
from mambatrack.learning.motion_losses import HORIZON, Validation
from mambatrack.learning.motion_windows import WindowSampler, detector_errors
from mambatrack.sources.timing import model_frames

VALIDATION_SHARE = 0.1  # of the sequences
VALIDATION = 512  # windows of those
CALIBRATION = 2048  # windows by which the spread is measured

Errors = list[NDArray[np.float32]]


class MotionData:
    """The sequences with ground truth below ``roots``, a tenth of them kept for validation.

    beyond: frames after the forecast that the network or its teacher sees;  frame_rate: of the
    motion model, 0 where each picture is one frame of it;  learnt, held_out: the sequences
    windows: to learn from;  calibration: windows of all of the first folder
    Raises MambatrackError for fewer than two sequences.
    """

    def __init__(
        self, roots: list[Path], settings: TrainingConfig, beyond: int, frame_rate: float = 0.0
    ):
        self._frame_rate = frame_rate
        sequences = [each for root in roots for each in find_sequences(root) if each.gt_path]
        self.learnt, self.held_out = _split(sequences, settings.seed)
        self._errors = _errors(settings)
        self._unbroken = replace(settings, gap_share=0.0, crossing_share=0.0)
        self.windows = self._sampler(self.learnt, settings, settings.forecast + beyond)
        self.validation = Validation(self._as_they_come(self.held_out), settings, VALIDATION)
        home = [each for each in sequences if roots[0] in (each.folder, *each.folder.parents)]
        self.calibration = Validation(self._as_they_come(home), settings, CALIBRATION)

    def for_spread(self) -> WindowSampler:
        """Windows to learn from, over the whole horizon and as they come."""
        return self._sampler(self.learnt, self._unbroken, HORIZON)

    def _as_they_come(self, sequences: list[Sequence]) -> WindowSampler:
        return self._sampler(sequences, self._unbroken, HORIZON + self._unbroken.foresight)

    def _sampler(
        self, sequences: list[Sequence], settings: TrainingConfig, ahead: int
    ) -> WindowSampler:
        people = [
            in_model_frames(
                read_people(each, settings.source == "detections"),
                model_frames(1 / each.fps, self._frame_rate),
            )
            for each in sequences
        ]
        return WindowSampler(
            people, settings.window, ahead, self._errors, settings.noise, settings.crossing_share,
            gaps=settings.gap_share,
        )  # fmt: skip


def _split(sequences: list[Sequence], seed: int) -> tuple[list[Sequence], list[Sequence]]:
    if len(sequences) < 2:
        raise MambatrackError(
            f"training needs at least 2 sequences with gt/gt.txt, found {len(sequences)}: "
            "one to learn from and one to validate on"
        )
    order = np.random.default_rng(seed).permutation(len(sequences))
    kept = max(1, round(VALIDATION_SHARE * len(sequences)))
    learnt, held_out = sorted(order[kept:]), sorted(order[:kept])
    return [sequences[i] for i in learnt], [sequences[i] for i in held_out]


def _errors(settings: TrainingConfig) -> Errors:
    if not settings.noise_data:
        return []
    return [run for each in find_sequences(settings.noise_data) for run in detector_errors(each)]
