"""One video tracked into files of its own, in a process of its own.

The files appear when they are whole. What was read of a video that ends before its time goes into
the folder partial/, so that nobody takes it for all of it.
"""

import multiprocessing
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mambatrack.config import Config
from mambatrack.datasets.sequences import Sequence as MotSequence
from mambatrack.detectors import open_detector
from mambatrack.errors import MambatrackError
from mambatrack.runs.dataset_jobs import Job, plan
from mambatrack.runs.engines import POLL_S, processes, start_worker
from mambatrack.runs.frame_count import frame_done
from mambatrack.runs.output_files import OutputFiles
from mambatrack.runs.source_run import open_run
from mambatrack.sources.frames import open_frames
from mambatrack.sources.video_folders import find_videos, result_names

UNFINISHED, PARTIAL = ".unfinished", "partial"  # folders among the results


@dataclass(frozen=True)
class VideoJob:
    """One video to track; job.sequence.images is its file. draw: also into NAME.mp4; sound: that
    of the video too"""

    job: Job
    draw: bool = False
    sound: bool = True

    @property
    def name(self) -> str:
        return self.job.sequence.name

    @property
    def video(self) -> Path:
        assert self.job.sequence.images is not None
        return self.job.sequence.images

    def is_finished(self) -> bool:
        """All its files are there, and not older than the video."""
        result = self.job.result
        drawn = not self.draw or result.with_name(f"{self.name}.mp4").exists()
        return drawn and result.exists() and self.video.stat().st_mtime <= result.stat().st_mtime


@dataclass(frozen=True)
class Outcome:
    """What became of a video. totals: as a line; problem: why it failed, None where it did not"""

    name: str
    totals: str = ""
    problem: str | None = None
    warnings: tuple[str, ...] = ()


def track_video(job: VideoJob) -> Outcome:
    """Tracks one video into its files; whatever goes wrong is in the outcome."""
    totals, problem = "", None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        try:
            totals, problem = _track(job)
        except Exception as error:  # of one video, which must not stop the others
            known = isinstance(error, (MambatrackError, OSError))
            problem = str(error) if known else f"{type(error).__name__}: {error}"
    told = [str(each.message) for each in caught if issubclass(each.category, UserWarning)]
    return Outcome(job.name, totals, problem, tuple(told))


def track_videos(
    jobs: Sequence[VideoJob], workers: int, report: Callable[[int], None] = lambda frames: None
) -> Iterator[Outcome]:
    """The outcomes as they come. report: called with the frames done, of all videos together."""
    context = processes()
    frames = context.Value("q", 0)
    threads = ThreadPoolExecutor(max(min(workers, len(jobs)), 1))
    waiting = {threads.submit(_in_process, job, context, frames) for job in jobs}
    try:
        while waiting:
            done, waiting = wait(waiting, POLL_S, FIRST_COMPLETED)
            report(frames.value)
            yield from (each.result() for each in done)
    finally:
        _stop(threads, waiting)


def _track(job: VideoJob) -> tuple[str, str | None]:
    """(the totals, why the video ended before its time or None)"""
    folder, config = job.job.folder, job.job.config
    work = folder / UNFINISHED / job.name
    shutil.rmtree(work, ignore_errors=True)  # of an attempt that was killed
    work.mkdir(parents=True)
    try:
        video = work / "result.mp4" if job.draw else None
        files = OutputFiles(
            mot=work / "result.txt", jsonl=work / "result.jsonl", video=video, sound=job.sound
        )
        source, detector = partial(open_frames, job.video), partial(open_detector, config.detector)
        with open_run(source, detector, config, files, name=job.name) as (run, frames):
            run.go(frame_done)
        _publish(work, folder, job.name, frames.problem)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return str(run.totals(job.name)), frames.problem


def _publish(work: Path, folder: Path, name: str, problem: str | None) -> None:
    """Gives the files their names, the MOT text last, as it says that the video is finished."""
    target = folder if problem is None else folder / PARTIAL
    target.mkdir(exist_ok=True)
    for path in (work / "result.mp4", work / "result.jsonl", work / "result.txt"):
        if path.exists():
            with path.open("rb") as file:
                os.fsync(file.fileno())
            path.replace(target / f"{name}{path.suffix}")
        if problem is None:
            (folder / PARTIAL / f"{name}{path.suffix}").unlink(missing_ok=True)


def _in_process(job: VideoJob, context: Any, frames: Any) -> Outcome:
    try:
        with ProcessPoolExecutor(1, context, start_worker, (frames,)) as pool:
            return pool.submit(track_video, job).result()
    except BrokenProcessPool:
        return Outcome(
            job.name, problem="its process died, perhaps for want of memory or of a damaged file"
        )


def _stop(threads: ThreadPoolExecutor, waiting: set[Future]) -> None:
    """Ends what is still at work."""
    threads.shutdown(wait=False, cancel_futures=True)
    while not all(each.done() for each in waiting):
        for process in multiprocessing.active_children():
            process.terminate()
        time.sleep(0.02)
    threads.shutdown()


def plan_videos(
    folder: str | Path,
    config: Config,
    out: str | Path,
    overwrite: bool = False,
    draw: bool = False,
    sound: bool = True,
) -> tuple[list[VideoJob], int]:
    """(the jobs that are left to do, how many are finished). Makes ``out``.

    Raises MambatrackError as batch.plan does, and where results would lie beside the videos.
    """
    if os.path.realpath(out) == os.path.realpath(folder):
        raise MambatrackError(f"{out} is the folder of the videos; name another for the results")
    videos = find_videos(folder)
    sequences = [
        MotSequence(name, path.parent, (0, 0), 0.0, 0, None, None, path)
        for name, path in zip(result_names(videos), videos, strict=True)
    ]
    left = {job.sequence.name for job in plan(sequences, config, out, overwrite)}
    jobs = [VideoJob(Job(each, config, Path(out)), draw, sound) for each in sequences]
    jobs = [job for job in jobs if job.name in left or not job.is_finished()]
    return jobs, len(videos) - len(jobs)
