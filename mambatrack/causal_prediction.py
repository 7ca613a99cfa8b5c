"""The causal network as a Predictor: one token per track and frame, state carried in the table."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mambatrack.prediction import Boxes, State, as_plausible, one_thread, spread_after

if TYPE_CHECKING:
    from mambatrack.causal import CausalMotionPredictor

BOX, SEEN, SIZE, GAP, PENDING = slice(0, 4), slice(4, 8), 8, 9, slice(10, 17)
HEAD = 17  # columns before the two carried states
SIZE_WEIGHT, UNITS = 0.2, 20.0  # as in causal.py, which needs torch


class CausalPredictor:
    """The causal Mamba predictor: predict() feeds one token per track, whatever its length.

    A row of the state [17 + 2 R] float32 holds, with R = model.carried_size:

    | columns | what |
    |---|---|
    | 0:4 | newest box, observed or predicted, cxcywh pixels |
    | 4:8 | last observed box |
    | 8 | running mean of the observed size, pixels |
    | 9 | frames since the last observation |
    | 10:17 | the pending token, which the next predict() feeds (causal.py) |
    | 17 : 17 + R | A, carried state after the last observation that was fed |
    | 17 + R : 17 + 2 R | B, carried state of the forecast; it counts from a gap of 2 on |

    R is, for each block, the last inputs of the convolution [d_conv - 1, d_inner] and the state of
    the scan [d_inner, d_state], both row by row. The pending token is fed

    | gap before predict() | token | from | to |
    |---|---|---|---|
    | 0 | the observation | A | A |
    | 1 | the first prediction | A | B |
    | 2 and more | the prediction before | B | B |

    so that a track that is found again goes on from A, from what was observed, with the mean
    offset per frame of the gap as its token. correct() reads and writes the first HEAD columns
    only, and takes those alone as well as whole rows.

    model: the network; spread: as for MambaPredictor.
    """

    def __init__(self, model: "CausalMotionPredictor", spread: Any, device: str = "cpu"):
        from mambatrack.causal_step import CausalStep

        self.model = model.eval().to(device)
        self.step = CausalStep(self.model)
        self.device = device
        self.spread = np.asarray(spread, np.float32).reshape(-1, 4)
        self.carried = model.carried_size
        self.state_size = HEAD + 2 * self.carried

    def start(self, boxes: Boxes) -> State:
        state = np.zeros((len(boxes), self.state_size), np.float32)
        state[:, BOX] = state[:, SEEN] = boxes
        state[:, SIZE] = np.sqrt(boxes[:, 2] * boxes[:, 3])
        state[:, PENDING] = _tokens(np.zeros_like(boxes), 1, 0, boxes)
        return state

    def predict(self, state: State) -> tuple[Boxes, Boxes, State]:
        after = state.copy()
        offsets = self._feed(after)
        unit = self._unit(state)
        boxes = as_plausible(state[:, BOX] + offsets * unit)
        after[:, GAP] += 1
        after[:, PENDING] = _tokens((boxes - state[:, BOX]) / unit, 1, after[:, GAP], boxes)
        after[:, BOX] = boxes
        return boxes, spread_after(self.spread, after[:, GAP], boxes), after

    def correct(self, state: State, boxes: Boxes) -> State:
        after = state.copy()
        spans = state[:, GAP, None]
        after[:, SIZE] += SIZE_WEIGHT * (np.sqrt(boxes[:, 2] * boxes[:, 3]) - state[:, SIZE])
        offsets = (boxes - state[:, SEEN]) / (spans * self._unit(after))
        after[:, PENDING] = _tokens(offsets, spans[:, 0], 0, boxes)
        after[:, BOX] = after[:, SEEN] = boxes
        after[:, GAP] = 0
        return after

    def _unit(self, state: State) -> State:
        """[N, 1] pixels per unit of offset."""
        return state[:, SIZE, None] / UNITS

    def _feed(self, state: State) -> Boxes:
        """Feeds every pending token and moves A and B in place; returns the offsets [N, 4].

        The network works on A of all tracks at once; the few that are lost lend it their place.
        """
        if not len(state):
            return np.zeros((0, 4), np.float32)
        A, B = slice(HEAD, HEAD + self.carried), slice(HEAD + self.carried, None)
        lost, later = np.flatnonzero(state[:, GAP] >= 1), np.flatnonzero(state[:, GAP] >= 2)
        observed = state[lost, A]
        state[later, A] = state[later, B]
        offsets = self._step(state[:, PENDING], state[:, A])
        state[lost, B] = state[lost, A]
        state[lost, A] = observed
        return offsets

    def _step(self, tokens: State, carried: State) -> Boxes:
        """The one call of the network in a frame; changes ``carried`` [N, R] in place."""
        import torch

        with one_thread():
            ours = torch.from_numpy(carried)
            theirs = ours.to(self.device)
            offsets = self.step(torch.from_numpy(tokens).to(self.device), theirs)
            if theirs is not ours:
                ours.copy_(theirs)
        return cast(Boxes, offsets.cpu().numpy())


def _tokens(offsets: Boxes, spans: Any, unseen: Any, boxes: Boxes) -> State:
    """causal.as_tokens in numpy: offsets [N, 4] -> [N, 7]."""
    tokens = np.empty((len(offsets), 7), np.float32)
    tokens[:, :4] = offsets
    tokens[:, 4] = np.log(spans)
    tokens[:, 5] = np.log1p(unseen)
    tokens[:, 6] = np.log(boxes[:, 2] / boxes[:, 3])
    return tokens
