"""The association's network in training."""

import torch

from association_models import network, small_config
from mambatrack.learning.association_network import PairLogits, pair_loss
from mambatrack.learning.association_pieces import IndexedRecording, join
from mambatrack.learning.association_recording import record


def test_loss_is_small_only_for_the_right_answers(sequences):
    recording = record(sequences[1][0], None, small_config().tracker)
    batch = join([IndexedRecording.of(recording).cut(0, 60, False)])
    logits = network()(batch)
    right = torch.where(batch.same, 20.0, -20.0)
    sure = logits._replace(
        pairs=right,
        lost=torch.zeros_like(logits.lost),
        unmatched=torch.zeros_like(logits.unmatched),
        person=torch.where(batch.person, 20.0, -20.0),
    )
    assert float(pair_loss(sure, batch)) < 1e-3
    assert float(pair_loss(sure._replace(pairs=-right), batch)) > 10


def test_the_loss_of_what_a_teacher_says_is_least_for_the_teacher_itself(sequences):
    recording = record(sequences[1][0], None, small_config().tracker)
    batch = join([IndexedRecording.of(recording).cut(0, 60, False)])
    said = network(1)(batch)
    pupil = PairLogits(*(each.detach().clone().requires_grad_() for each in said))
    pair_loss(pupil, batch, said, share=1.0).backward()
    assert all(float(each.grad.abs().max()) < 1e-6 for each in pupil)
    other = network(2)(batch)
    assert pair_loss(said, batch, said, share=1.0) < pair_loss(other, batch, said, share=1.0)
    half = pair_loss(other, batch, said, share=0.5)
    ends = pair_loss(other, batch), pair_loss(other, batch, said, share=1.0)
    torch.testing.assert_close(half, sum(ends) / 2)
