"""Tuning of the tracker's settings with Optuna: on some sequences, reported on others.

The study lies in tune.db (SQLite), so that a stopped run goes on from its finished trials. The
first trial is the configuration as it is: on the sequences tuned on, the best is never worse.
"""

import dataclasses
import hashlib
import json
import time
import warnings
from collections.abc import Callable
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from mambatrack.config import Config
from mambatrack.datasets.sequences import Sequence
from mambatrack.errors import MambatrackError
from mambatrack.evaluation.evaluate import Entry, evaluate
from mambatrack.evaluation.scores import Score, Scores
from mambatrack.evaluation.tuning.parameters import Parameter, base_values
from mambatrack.evaluation.tuning.study import open_study
from mambatrack.files import check_output, sha256
from mambatrack.nearest import did_you_mean
from mambatrack.runs.dataset_jobs import pictures_used, plan, settings_of
from mambatrack.runs.detection_cache import pictures_key
from mambatrack.runs.engines import HERE, Engine

OBJECTIVE = "HOTA"
STUDY, BEST, TRIALS, REPORT = "tune.db", "best.yaml", "trials.csv", "tune.json"
TOO_HIGH = "tuned on these very sequences: too high"
ENOUGH = 20  # finished trials from which an importance says something


@dataclass(frozen=True)
class Trial:
    """One set of values, by dotted name, and its combined score on the sequences tuned on.

    number: from 1, which is the configuration as it was
    """

    number: int
    values: dict[str, Any]
    score: Score
    seconds: float


@dataclass(frozen=True)
class Tuned:
    """What tune() found.

    trials: the finished ones; best: the first of those with the highest HOTA
    reported: scores of "base" and "best" on the sequences to report on
    caveat: what is wrong with that report, empty where no sequence of it was tuned on
    importance: share of each parameter by PED-ANOVA (Watanabe et al., IJCAI 2023), empty for few
        trials
    """

    base: Config
    config: Config
    parameters: tuple[Parameter, ...]
    trials: tuple[Trial, ...]
    best: Trial
    tuned_on: tuple[str, ...]
    reported: dict[str, Scores]
    caveat: str
    seed: int
    importance: dict[str, float]


def split_sequences(
    sequences: Several[Sequence],
    tune_on: Several[str] = (),
    report_on: Several[str] = (),
    seed: int = 0,
    same: bool = False,
) -> tuple[list[Sequence], list[Sequence]]:
    """(to tune on, to report on): those named, and what is left for the other; else two halves,
    drawn with the seed. same: report on the ones tuned on, where no others are named."""
    first, second = _named(sequences, tune_on), _named(sequences, report_on)
    if not tune_on and not report_on:
        half = len(sequences) if same else (len(sequences) + 1) // 2
        drawn = sorted(np.random.default_rng(seed).permutation(len(sequences))[:half])
        first = [sequences[index] for index in drawn]
    if not first:
        first = second if same else _others(sequences, second)
    if not second:
        second = first if same else _others(sequences, first)
    if not first or not second:
        raise MambatrackError(
            f"no sequence is left to {'report' if first else 'tune'} on, as "
            f"{', '.join(each.name for each in sequences)} is all there is; the result on what was "
            "tuned on is too high (--same-sequences reports it and says so)"
        )
    return first, second


def tune(
    tune_on: Several[Sequence],
    report_on: Several[Sequence],
    config: Config,
    parameters: Several[Parameter],
    trials: int,
    folder: str | Path,
    engine: Engine = HERE,
    seed: int = 0,
    same: bool = False,
    report: Callable[[int], None] = lambda done: None,
) -> Tuned:
    """Searches until ``trials`` are finished, those of an earlier call in ``folder`` included.

    same: the sequences to report on may be among those tuned on, which the caveat then says
    report: called with the number of finished trials. Needs the extras tune and eval. Raises
    MambatrackError where the folder holds a study of other settings.
    """
    caveat = _caveat(tune_on, report_on)
    if caveat and not same:
        raise MambatrackError(
            f"{', '.join(each.name for each in report_on)}: {caveat}; report on other sequences, "
            "or use --same-sequences, which says so in every output"
        )
    if trials < 1:
        raise MambatrackError(f"expected at least 1 trial, found {trials}")
    with TemporaryDirectory() as nowhere:
        plan(report_on, config, nowhere)  # what would end in an error does so before the search
    search = _Search(tune_on, config, parameters, engine, seed)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / STUDY).exists():
        for name in (BEST, TRIALS, REPORT):
            check_output(folder / name)
    with open_study(folder / STUDY, search.record()) as study:
        finished = search.run(study, trials, report)
        importance = _importance(study, parameters) if len(finished) >= ENOUGH else {}
    best = max(finished, key=lambda trial: getattr(trial.score, OBJECTIVE))
    tuned = with_values(config, best.values)
    base_scores = score_config(report_on, config, engine)
    scores = base_scores if tuned == config else score_config(report_on, tuned, engine)
    return Tuned(
        config, tuned, tuple(parameters), tuple(finished), best,
        tuple(each.name for each in tune_on), {"base": base_scores, "best": scores},
        caveat, seed, importance,
    )  # fmt: skip


def score_config(sequences: Several[Sequence], config: Config, engine: Engine = HERE) -> Scores:
    """Tracks and scores; no result file is kept."""
    with TemporaryDirectory() as folder:
        return evaluate(sequences, [Entry("trial", Path(folder), config)], engine)["trial"].scores


def with_values(config: Config, values: dict[str, Any]) -> Config:
    """The configuration with the tracker's settings of these dotted names replaced."""
    own = {name.removeprefix("tracker."): value for name, value in values.items()}
    return dataclasses.replace(config, tracker=dataclasses.replace(config.tracker, **own))


class _Search:
    """What a study depends on, and its trials one after another."""

    def __init__(
        self,
        sequences: Several[Sequence],
        config: Config,
        parameters: Several[Parameter],
        engine: Engine,
        seed: int,
    ):
        self._sequences, self._config, self._engine = sequences, config, engine
        self._parameters, self._seed = parameters, seed
        self._base = base_values(config, parameters)

    def record(self) -> dict[str, Any]:
        """All that the trials depend on, as plain JSON of two levels."""
        said = {
            "objective": OBJECTIVE,
            "seed": self._seed,
            "parameters": {each.name: each.values for each in self._parameters},
            "sequences": {
                each.name: _fingerprint(each, pictures_used(each, self._config))
                for each in self._sequences
            },
            **settings_of(self._config),
        }
        return json.loads(json.dumps(said))

    def run(self, study: Any, trials: int, report: Callable[[int], None]) -> list[Trial]:
        finished = _finished(study)
        report(len(finished))
        while len(finished) < trials:
            if finished:
                self._try_next(study, len(finished))
            else:
                self._try_base(study)
            finished = _finished(study)
            report(len(finished))
        return finished

    def _try_base(self, study: Any) -> None:
        from optuna.trial import create_trial

        outcome = self._outcome(self._base)
        study.add_trial(
            create_trial(
                value=outcome["score"][OBJECTIVE],
                params=self._base,
                distributions={each.name: each.distribution() for each in self._parameters},
                user_attrs=outcome,
            )
        )

    def _try_next(self, study: Any, done: int) -> None:
        """The sampler is seeded anew for each trial, so that a stop changes nothing."""
        from optuna.samplers import TPESampler
        from optuna.trial import TrialState

        own_seed = np.random.SeedSequence([self._seed, done]).generate_state(1)[0]
        study.sampler = TPESampler(seed=int(own_seed))
        trial = study.ask({each.name: each.distribution() for each in self._parameters})
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # as of a trial that tracks nothing
                outcome = self._outcome({name: _short(each) for name, each in trial.params.items()})
        except BaseException:
            study.tell(trial, state=TrialState.FAIL)
            raise
        for name, value in outcome.items():
            trial.set_user_attr(name, value)
        study.tell(trial, outcome["score"][OBJECTIVE])

    def _outcome(self, values: dict[str, Any]) -> dict[str, Any]:
        start = time.monotonic()
        scores = score_config(self._sequences, with_values(self._config, values), self._engine)
        seconds = round(time.monotonic() - start, 1)
        return {"values": values, "score": scores.combined._asdict(), "seconds": seconds}


def _named(sequences: Several[Sequence], names: Several[str]) -> list[Sequence]:
    known = [each.name for each in sequences]
    for name in names:
        if name not in known:
            told = ", ".join(known) + did_you_mean(name, known)
            raise MambatrackError(f"no sequence is named {name}; there are {told}")
    return [each for each in sequences if each.name in names]


def _others(sequences: Several[Sequence], taken: Several[Sequence]) -> list[Sequence]:
    names = {each.name for each in taken}
    return [each for each in sequences if each.name not in names]


def _caveat(tune_on: Several[Sequence], report_on: Several[Sequence]) -> str:
    """Said of a report on sequences that were tuned on, whatever they are called."""
    tuned = {each.folder.resolve() for each in tune_on}
    both = [each.name for each in report_on if each.folder.resolve() in tuned]
    if not both:
        return ""
    whole = len(both) == len(report_on)
    return TOO_HIGH if whole else f"tuned on in part ({', '.join(both)}): too high"


def _fingerprint(sequence: Sequence, images: Path | None) -> str:
    """Changes with the ground truth, the detections, the frames that take part and, where the
    trials look at pictures, the names, sizes and times of these."""
    files = [path for path in (sequence.gt_path, sequence.det_path) if path is not None]
    said: list[Any] = [sequence.start, sequence.frames, *(sha256(path) for path in files)]
    if images is not None:
        said.append(pictures_key(images))
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]


def _short(value: Any) -> Any:
    """Four digits, as more are no use in a configuration."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _finished(study: Any) -> list[Trial]:
    from optuna.trial import TrialState

    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [
        Trial(number, attrs["values"], Score(**attrs["score"]), attrs["seconds"])
        for number, attrs in enumerate((each.user_attrs for each in complete), start=1)
    ]


def _importance(study: Any, parameters: Several[Parameter]) -> dict[str, float]:
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # experimental, Optuna says
        shares = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    return {each.name: shares[each.name] for each in parameters}
