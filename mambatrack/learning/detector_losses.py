"""What a detector learns from: which place says which person, and how wrong it is."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mambatrack.learning.detector_network import Said

NEAR = 2.5  # strides around the centre of a person within which a place may say it
CANDIDATES = 10  # places of largest overlap that count how many places a person gets
BOX_WEIGHT = 2.0
FOCUS = 1.5  # power of the error by which a score counts
TINY = 1e-7
LEAST_HEARD = 0.1  # weight of a place where a teacher sees nothing, beside 1 where it does


class Targets(NamedTuple):
    """People of a batch: boxes [B, P, 4] xyxy in pixels; sure [B, P], from 0 to 1, 0 where there
    is none: rows are filled up to the most people of a picture."""

    boxes: Tensor
    sure: Tensor


class Assigned(NamedTuple):
    """person [B, A]: which row of the targets each place says, -1 for none; overlap [B, A]: IoU of
    its box with that."""

    person: Tensor
    overlap: Tensor


def loss(said: Said, targets: Targets, centres: Tensor, strides: Tensor) -> Tensor:
    """Quality focal loss of the scores, whose target is how well the box fits times how sure the
    person is (Li et al., NeurIPS 2020), and of the boxes 1 - GIoU (Rezatofighi et al., CVPR 2019).
    centres [A, 2], strides [A]: see detector_network.places."""
    person, overlap = assigned(said, targets, centres, strides)
    found = person >= 0
    rows = person.clamp(min=0)
    sure = targets.sure.gather(1, rows) * found
    wanted = overlap * sure
    surprise = F.binary_cross_entropy_with_logits(said.scores, wanted, reduction="none")
    scores = (surprise * (said.scores.sigmoid() - wanted).abs() ** FOCUS).sum()
    true = targets.boxes.gather(1, rows[..., None].expand(-1, -1, 4))
    boxes = (sure[found] * (1 - giou(said.boxes[found], true[found]))).sum()
    return (scores + BOX_WEIGHT * boxes) / sure.sum().clamp(min=1)


def disagreement(guessed: Tensor, told: Tensor) -> Tensor:
    """Mean distance (smooth L1) of a pupil's guesses [B, A, C] to what its teacher told, log-odds
    [B, A, C], the first of any object at all; places where it sees something count most."""
    weight = LEAST_HEARD + told[..., 0].sigmoid()
    apart = F.smooth_l1_loss(guessed, told, reduction="none").mean(-1)
    return (weight * apart).sum() / weight.sum()


@torch.no_grad()
def assigned(said: Said, targets: Targets, centres: Tensor, strides: Tensor) -> Assigned:
    """The places that say each person: those of least cost, as many as their largest overlaps add
    up to, at least one (SimOTA of YOLOX, Ge et al. 2021). A place may say whose centre is near, or
    in whose box it lies."""
    overlap = _ious(said.boxes, targets.boxes)
    inside, near = _reachable(targets.boxes, centres, strides)
    allowed = (inside | near) & (targets.sure > 0)[:, None]
    overlap = overlap * allowed
    surprise = F.softplus(-said.scores)[..., None]  # at a score of 1
    cost = surprise - 3 * overlap.clamp(min=TINY).log() + 1e3 * ~(inside & near)
    cost = cost.masked_fill(~allowed, 1e9)
    count = min(CANDIDATES, cost.shape[1])
    wanted = overlap.topk(count, dim=1).values.sum(1).int().clamp(min=1)
    order = cost.topk(count, dim=1, largest=False).indices
    ranked = torch.arange(count, device=cost.device)[None, :, None] < wanted[:, None]
    chosen = torch.zeros_like(allowed).scatter_(1, order, ranked) & allowed
    best = cost.masked_fill(~chosen, 1e9).argmin(dim=2)
    person = torch.where(chosen.any(2), best, -1)
    return Assigned(person, overlap.gather(2, best[..., None])[..., 0] * (person >= 0))


def giou(first: Tensor, second: Tensor) -> Tensor:
    """Of pairs of boxes [..., 4] xyxy: IoU, less the share of their hull that neither covers."""
    overlap, union = _overlap(first, second)
    low = torch.minimum(first[..., :2], second[..., :2])
    high = torch.maximum(first[..., 2:], second[..., 2:])
    hull = (high - low).prod(-1)
    return overlap / (union + TINY) - (hull - union) / (hull + TINY)


def _ious(boxes: Tensor, people: Tensor) -> Tensor:
    """[B, A, P]."""
    overlap, union = _overlap(boxes[:, :, None], people[:, None])
    return overlap / (union + TINY)


def _overlap(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Areas of what both cover, and of what either does."""
    low = torch.maximum(first[..., :2], second[..., :2])
    high = torch.minimum(first[..., 2:], second[..., 2:])
    overlap = (high - low).clamp(min=0).prod(-1)
    areas = [(each[..., 2:] - each[..., :2]).prod(-1) for each in (first, second)]
    return overlap, areas[0] + areas[1] - overlap


def _reachable(people: Tensor, centres: Tensor, strides: Tensor) -> tuple[Tensor, Tensor]:
    """[B, A, P] twice: whether a place lies in a box, and near its centre."""
    at = centres[None, :, None]
    low, high = people[:, None, :, :2], people[:, None, :, 2:]
    inside = ((at > low) & (at < high)).all(-1)
    near = ((at - (low + high) / 2).abs() < NEAR * strides[None, :, None, None]).all(-1)
    return inside, near
