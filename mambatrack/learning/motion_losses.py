"""What training minimises and validation measures: errors of rollouts, and mistaken identities."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mambatrack.config import TrainingConfig
from mambatrack.kernels.reference import token_mask
from mambatrack.learning.motion_windows import Batch, WindowSampler
from mambatrack.motion.causal_predictor import CausalPredictor
from mambatrack.motion.forecast import forecast
from mambatrack.networks.causal import CausalMotionPredictor, Rollout, roll_out_causal
from mambatrack.networks.causal_step import CausalStep
from mambatrack.networks.units import LOG_SCALES
from mambatrack.networks.window import MotionPredictor, offset_scale, window_offsets

KNOWN = 11  # boxes seen, from which on a history counts for the spread
HORIZON = 30  # frames over which validation measures the error
SCALE_WEIGHT = 0.1  # of the likelihood of the spread
HELD = 0.683  # share of the errors that a spread holds, as a standard deviation of normal ones does
TEMPERATURE = 0.1  # of the identity loss, in units of generalised IoU

Network = MotionPredictor | CausalMotionPredictor


class Goal(NamedTuple):
    """What a network should have said: the boxes ahead [B, K, 4], and how far each box of the
    history [B, T, 4] moves to the next frame, in pixels."""

    ahead: Tensor
    moves: Tensor


def rollout_loss(
    model: Network,
    batch: Batch,
    settings: TrainingConfig,
    whole: Batch | None = None,
    taught: Goal | None = None,
) -> Tensor:
    """Smooth L1 of the predicted offsets over the rollout, and the identity loss; for a causal
    network also smooth L1 of the offset after every token of the history.

    The error of step k is divided by k, so that each frame of a gap counts alike; with rollout 1
    this is the paper's loss, the mean over the four coordinates.
    whole: the batch that ``batch`` is a part of, if it is one; each term is then weighted by the
    part's share of what the term is a mean over, and the losses of the parts add up to the loss of
    the whole.
    taught: a teacher's answer, which takes ``teacher_weight`` of the place of the truth.
    """
    history, counts, future, rivals, image_size, seen = tensors(batch, device_of(model))
    steps = future.shape[1] - settings.foresight
    weight, share, share_seen = settings.identity_weight, 1.0, 1.0
    if whole is not None:
        share = len(batch.history) / len(whole.history)
        share_seen = float(batch.seen.sum() / whole.seen.sum())
        weight *= _contested_share(batch, whole) if weight else 1.0
    rolled = None
    if isinstance(model, CausalMotionPredictor):
        rolled = roll_out_causal(model, history, seen, steps)
        boxes, scale = rolled.boxes, rolled.scale.gather(1, rolled.lengths[:, None] - 1)
    else:
        scale = offset_scale(history, counts, settings.unit, image_size)
        boxes = roll_out(model, history, counts, future, steps, settings.unit, image_size)
    future, rivals = future[:, :steps], rivals[:, :steps]
    truth = Goal(future, torch.cat([history, future[:, :1]], dim=1).diff(dim=1))
    loss = boxes.new_zeros(())
    for part, goal in _weighted(truth, taught, settings.teacher_weight):
        loss = loss + part * share * _ahead_loss(boxes, goal.ahead, scale)
        if rolled is not None:
            loss = loss + part * share_seen * _dense_loss(goal.moves, rolled)
    if rolled is not None:
        loss = loss + SCALE_WEIGHT * share * _scale_loss(rolled, future)
        loss = loss + SCALE_WEIGHT * share_seen * _dense_scale_loss(rolled, history, truth.moves)
    if weight:
        loss = loss + weight * identity_loss(boxes, future, rivals)[0]
    return loss


def _weighted(truth: Goal, taught: Goal | None, weight: float) -> list[tuple[float, Goal]]:
    return [(1.0, truth)] if taught is None else [(1 - weight, truth), (weight, taught)]


def _ahead_loss(boxes: Tensor, ahead: Tensor, scale: Tensor) -> Tensor:
    """boxes and ahead [B, K, 4], scale [B, 1 or 4]; the error of step k is divided by k."""
    steps = torch.arange(1, boxes.shape[1] + 1, dtype=boxes.dtype, device=boxes.device)
    errors = (boxes - ahead) / scale[:, None] / steps[:, None]
    return F.smooth_l1_loss(errors, torch.zeros_like(errors))


def _dense_loss(moves: Tensor, rolled: Rollout) -> Tensor:
    """Smooth L1 between the offset after every token and the one to the next frame, seen or not;
    moves as in Goal."""
    errors = rolled.outputs[..., :4] - _of_tokens(moves, rolled) / rolled.scale[..., None]
    counted = _counted(rolled)
    return F.smooth_l1_loss(errors[counted], torch.zeros_like(errors[counted]))


def _scale_loss(rolled: Rollout, future: Tensor) -> Tensor:
    """Laplace NLL of the boxes ahead. The boxes themselves are learnt from the other terms only, so
    that what is uncertain is not learnt less."""
    errors = (rolled.boxes.detach() - future) / future[..., [2, 3, 2, 3]]
    return laplace_loss(errors, rolled.log_scales)


def _dense_scale_loss(rolled: Rollout, history: Tensor, moves: Tensor) -> Tensor:
    """The same of one frame after every token."""
    errors = rolled.outputs[..., :4].detach() * rolled.scale[..., None] - _of_tokens(moves, rolled)
    size = _of_tokens(history, rolled)[..., [2, 3, 2, 3]]
    counted = _counted(rolled)
    return laplace_loss((errors / size)[counted], rolled.outputs[..., 4:][counted])


def laplace_loss(errors: Tensor, log_scales: Tensor) -> Tensor:
    """Mean negative log-likelihood, without its constant, of errors [...] under Laplace's
    distribution with the logs of these scales [...]."""
    held = log_scales.clamp(*LOG_SCALES)
    return (errors.abs() * torch.exp(-held) + held).mean()


def _of_tokens(values: Tensor, rolled: Rollout) -> Tensor:
    """values [B, T, 4] of all frames -> those of the frames of the tokens [B, T, 4]."""
    return values.gather(1, rolled.frames[..., None].expand(-1, -1, 4))


def _counted(rolled: Rollout) -> Tensor:
    """[B, T] which tokens there are."""
    frames = rolled.frames
    return token_mask(rolled.lengths, len(frames), frames.shape[1], frames.device)


def roll_out(
    model: Callable[[Tensor, Tensor], Tensor],
    history: Tensor,
    counts: Tensor,
    future: Tensor,
    steps: int,
    unit: str,
    image_size: Tensor,
) -> Tensor:
    """history [B, q + 1, 4], counts [B], future [B, steps + F, 4], image_size [B, 2] -> boxes
    [B, steps, 4], each from the ones before it; a network with a foresight of F boxes also sees
    the F of ``future`` after each, without it F is 0 and nothing of them is used."""
    boxes = []
    for k in range(steps):
        after = future[:, k + 1 : k + 1 + future.shape[1] - steps]
        box = next_boxes(model, history, counts, after, unit, image_size)
        box = torch.cat([box[:, :2], box[:, 2:].clamp(min=1.0)], dim=1)
        history = torch.cat([history[:, 1:], box[:, None]], dim=1)
        counts = (counts + 1).clamp(max=history.shape[1])
        boxes.append(box)
    return torch.stack(boxes, dim=1)


def next_boxes(
    model: Callable[[Tensor, Tensor], Tensor],
    history: Tensor,
    counts: Tensor,
    after: Tensor,
    unit: str,
    image_size: Tensor,
) -> Tensor:
    """window.next_boxes of a network that also sees the boxes ``after`` [B, F, 4] the predicted
    one; the offset over that one is one token like any other."""
    window, held = torch.cat([history, after], dim=1), counts + after.shape[1]
    scale = offset_scale(window, held, unit, image_size)
    return history[:, -1] + model(*window_offsets(window, held, scale)) * scale


def identity_loss(boxes: Tensor, future: Tensor, rivals: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of picking the person's own box among the neighbours', by generalised IoU.

    boxes, future [B, K, 4], rivals [B, K, R, 4] with NaN where nobody is, cxcywh
    -> (loss, share of picks that are right), both over the frames with a neighbour close by.
    """
    candidates, absent, contested = _candidates(future, rivals)
    if not contested.any():
        return boxes.sum() * 0, boxes.new_tensor(1.0)
    likeness = generalised_iou(boxes[:, :, None], candidates) / TEMPERATURE
    likeness = likeness.masked_fill(absent, -torch.inf)[contested]
    own = torch.zeros(len(likeness), dtype=torch.long, device=likeness.device)
    return F.cross_entropy(likeness, own), (likeness.argmax(1) == own).float().mean()


def _candidates(future: Tensor, rivals: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The own box and the neighbours' [B, K, 1 + R, 4], the own one in place of those who are
    absent [B, K, 1 + R]; and whether a neighbour is close by [B, K]."""
    candidates = torch.cat([future[:, :, None], rivals], dim=2)
    absent = torch.isnan(candidates[..., 0])
    candidates = torch.where(absent[..., None], future[:, :, None], candidates)
    close = generalised_iou(future[:, :, None], candidates).masked_fill(absent, -1)
    return candidates, absent, close[..., 1:].amax(-1) > 0


def _contested_share(batch: Batch, whole: Batch) -> float:
    """The part of the frames with a neighbour close by that lies in ``batch``."""
    own, all_of_them = (
        int(_candidates(torch.from_numpy(each.future), torch.from_numpy(each.rivals))[2].sum())
        for each in (batch, whole)
    )
    return own / max(all_of_them, 1)


def device_of(model: Network) -> torch.device:
    return next(model.parameters()).device


def tensors(batch: Batch, device: torch.device) -> list[Tensor]:
    """The arrays of the batch where the network is."""
    return [torch.from_numpy(each).to(device) for each in batch]


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """cxcywh [..., 4] each -> [...] in (-1, 1] (Rezatofighi et al., CVPR 2019)."""
    a_low, a_high = a[..., :2] - a[..., 2:] / 2, a[..., :2] + a[..., 2:] / 2
    b_low, b_high = b[..., :2] - b[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2
    shared = (torch.minimum(a_high, b_high) - torch.maximum(a_low, b_low)).clamp(min=0).prod(-1)
    hull = (torch.maximum(a_high, b_high) - torch.minimum(a_low, b_low)).prod(-1)
    union = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - shared
    return shared / union - (hull - union) / hull


class Validation:
    """The same windows of held-out sequences, however often it is asked."""

    def __init__(self, sampler: WindowSampler, settings: TrainingConfig, windows: int):
        self.settings = settings
        self.batch = sampler.batch(np.random.default_rng(settings.seed), windows)

    @torch.inference_mode()
    def measure(self, model: Network) -> dict[str, float]:
        """Errors of the centre in units of the box's size after 1, 5, 10 and 30 frames, relative
        to a box that stands still, and how often another person is taken for this one."""
        history, counts, future, rivals, image_size, seen = tensors(self.batch, device_of(model))
        every, future, rivals = future, future[:, :HORIZON], rivals[:, :HORIZON]
        if isinstance(model, CausalMotionPredictor):
            boxes = roll_out_causal(model, history, seen, HORIZON).boxes
        else:
            unit = self.settings.unit
            boxes = roll_out(model, history, counts, every, HORIZON, unit, image_size)
        own_size = future[..., 2:].prod(-1).sqrt()
        error = (boxes - future)[..., :2].norm(dim=-1) / own_size
        still = (history[:, -1:] - future)[..., :2].norm(dim=-1) / own_size
        ratio = error.mean(0) / still.mean(0)
        metrics = {f"error_{k}": round(float(ratio[k - 1]), 5) for k in (1, 5, 10, 30)}
        metrics["identity"] = round(float(identity_loss(boxes, future, rivals)[1]), 5)
        return metrics

    @torch.inference_mode()
    def spread(self, model: Network) -> list[list[float]]:
        """[30, 4] what holds HELD of the errors after 1 to 30 frames, for the model card: of a
        window network as a share of the box's size; of a causal one in its own scales, as the
        tracker uses it, after at least KNOWN boxes."""
        batch = self.batch
        if isinstance(model, CausalMotionPredictor):
            known = batch.seen.sum(1) >= KNOWN
            off = _in_use(model, batch.rows(known if known.any() else ~known))
        else:
            history, counts, every, _, image_size, _ = tensors(batch, device_of(model))
            unit = self.settings.unit
            boxes = roll_out(model, history, counts, every, HORIZON, unit, image_size)
            future = every[:, :HORIZON]
            off = ((boxes - future).abs() / future[..., [2, 3, 2, 3]]).cpu().numpy()
        return np.round(np.quantile(off, HELD, axis=0).astype(float), 5).tolist()


def _in_use(model: CausalMotionPredictor, batch: Batch) -> NDArray[np.float32]:
    """[B, HORIZON, 4] errors of the forecasts of a CausalPredictor in its own scales."""
    predictor = CausalPredictor(CausalStep(model, str(device_of(model))), np.ones((HORIZON, 4)))
    seen, history = batch.seen, batch.history
    state = np.zeros((len(history), predictor.state_size), np.float32)
    started = np.zeros(len(history), bool)
    for frame in range(history.shape[1]):
        known = state[started]
        predictor.predict(known)
        state[started] = known
        (old,), new = (seen[:, frame] & started).nonzero(), seen[:, frame] & ~started
        predictor.correct(state, old, history[old, frame])
        state[new] = predictor.start(history[new, frame])
        started |= new
    boxes, spread = forecast(predictor, state[started], HORIZON)
    return np.abs(boxes - batch.future[started, :HORIZON]) / spread
