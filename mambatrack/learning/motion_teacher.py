"""A trained window network as the teacher of a network in training.

It sees boxes that the student does not: every box of the history where the student has gaps and,
trained with ``foresight``, the frames after the one it predicts. What it says is then closer to
the truth than any forecast, without the detector's errors of that frame.
"""

import torch
from torch import Tensor

from mambatrack.errors import MambatrackError
from mambatrack.learning.motion_losses import Goal, next_boxes, roll_out, tensors
from mambatrack.learning.motion_windows import Batch
from mambatrack.motion.loading import weights_path
from mambatrack.motion.window_predictor import open_network
from mambatrack.networks.card_values import LONGEST_WINDOW, one_of, whole
from mambatrack.networks.model_files import fitting, kind_of, read_card


class Teacher:
    """training.teacher: mamba-window, or the path of a .safetensors file of kind window.

    foresight: boxes after the predicted one that it needs. Raises MambatrackError where the file
    holds another kind of network or none.
    """

    def __init__(self, name: str, device: str = "cpu"):
        path = weights_path(name)
        if path is None or kind_of(card := read_card(path)) != "window":
            raise MambatrackError(
                f"training.teacher {name} is no network of kind window; give mamba-window or the "
                "path of a trained .safetensors file"
            )
        with fitting(path):
            self.unit = one_of(card, "normalisation.unit", ("box", "image"))
            self.q = whole(card, "architecture.window", 1, LONGEST_WINDOW)
            self.foresight = 0
            if "foresight" in card["architecture"]:
                self.foresight = whole(card, "architecture.foresight", 0, LONGEST_WINDOW)
        self.network = open_network(path, device)

    @torch.no_grad()
    def goal(self, batch: Batch, device: torch.device) -> Goal:
        """Its rollout over the batch's future, but for the last ``foresight`` frames, and the next
        offset of every box of the history."""
        history, counts, future, _, image_size, _ = tensors(batch, torch.device("cpu"))
        steps, newest = future.shape[1] - self.foresight, history[:, -self.q - 1 :]
        held = counts.clamp(max=newest.shape[1])
        ahead = roll_out(self._answer, newest, held, future, steps, self.unit, image_size)
        moves = self._moves(history, counts, future, image_size)
        return Goal(ahead.to(device), moves.to(device))

    def _moves(self, history: Tensor, counts: Tensor, future: Tensor, image_size: Tensor) -> Tensor:
        """[B, T, 4] pixels from each box of the history to the next; of no use before the first."""
        rows, length = history.shape[:2]
        track = torch.cat([history, future], dim=1)
        now = torch.arange(length)[:, None]
        known = track[:, (now + torch.arange(-self.q, 1)).clamp(min=0)].flatten(0, 1)
        after = track[:, now + torch.arange(2, 2 + self.foresight)].flatten(0, 1)
        held = (counts[:, None] - torch.arange(length - 1, -1, -1)).clamp(1, self.q + 1)
        sizes = image_size.repeat_interleave(length, dim=0)
        boxes = next_boxes(self._answer, known, held.flatten(), after, self.unit, sizes)
        return boxes.view(rows, length, 4) - history

    def _answer(self, offsets: Tensor, lengths: Tensor) -> Tensor:
        return torch.from_numpy(self.network(offsets.numpy(), lengths.numpy()))
