"""What an embedder learns from: the codes of a teacher, and who is the same person."""

import torch
import torch.nn.functional as F
from torch import Tensor

SHARPNESS = 12.0  # similarities are multiplied with it before they compete
ALIKE = 0.85  # similarity to the teacher from which two crops may show one person


def distance(codes: Tensor, targets: Tensor) -> Tensor:
    """Mean of 1 - cosine of ``codes`` [B, E] and ``targets`` [B, E], all of length 1."""
    return 1 - (codes * targets).sum(1).mean()


def relations(codes: Tensor, teacher: Tensor) -> Tensor:
    """Mean divergence of the two distributions over the others of the batch, of those that the
    similarities to each crop give: by ``codes`` [B, E] and by ``teacher`` [B, T]. Source: the
    relational part of RKD (Park et al., CVPR 2019), with distributions as in CompRess (Abbasi
    Koohpayegani et al., NeurIPS 2020)."""
    own = torch.eye(len(codes), dtype=torch.bool, device=codes.device)
    said, wanted = (
        F.log_softmax((each @ each.T * SHARPNESS).masked_fill(own, -1e4), 1)
        for each in (codes, teacher)
    )
    return (wanted.exp() * (wanted - said)).sum(1).mean()


def same_person(codes: Tensor, person: Tensor, apart: Tensor) -> Tensor:
    """Mean surprise at each pair of one ``person`` [B] among the pairs that are ``apart`` [B, B]
    (Khosla et al., supervised contrastive learning, equation 2); pairs that are neither count for
    nothing."""
    similar = codes @ codes.T * SHARPNESS
    own = torch.eye(len(codes), dtype=torch.bool, device=codes.device)
    same = (person[:, None] == person) & ~own
    others = similar.masked_fill(~apart, -1e4).logsumexp(1, keepdim=True)
    surprise = torch.logaddexp(others, similar) - similar
    return surprise[same].mean()


def surely_apart(person: Tensor, moment: Tensor, scene: Tensor, teacher: Tensor) -> Tensor:
    """[B, B], pairs who are surely two people: seen at one moment or in different scenes, and not
    alike to the teacher."""
    different = person[:, None] != person
    known = (moment[:, None] == moment) | (scene[:, None] != scene)
    return different & known & (teacher @ teacher.T < ALIKE)
