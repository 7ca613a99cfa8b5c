"""The causal network as a Predictor: one token per track and frame, state carried in the table."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mambatrack.assignment import Indices
from mambatrack.boxes import Boxes, as_plausible
from mambatrack.camera.transforms import Transform, moved_boxes
from mambatrack.motion.predictor import Predictor, State, spread_after
from mambatrack.networks.devices import c_library_for
from mambatrack.networks.model_files import back_of, load_weights, read_card
from mambatrack.networks.units import (
    CARRIED_LIMIT,
    INPUT_LIMIT,
    LOG_SCALES,
    SIZE_WEIGHT,
    SIZED,
    TOKEN,
    UNITS,
)
from mambatrack.state_fields import (
    LARGEST_EXACT,
    LARGEST_SIZE,
    SMALLEST_SIZE,
    Field,
    box_fields,
)

BOX, SEEN, SIZE, GAP, PENDING = slice(0, 4), slice(4, 8), 8, 9, slice(10, 17)
HEAD = 17  # columns before the two carried states


class Network(Protocol):
    """One step of many tracks: causal_step.CausalStep, or CausalNetwork of the C library."""

    carried_size: int

    def __call__(self, tokens: State, carried: State) -> State:
        """tokens [N, 7], carried [N, R], changed in place, its rows a stride apart -> [N, 8],
        offsets in units and log scales. carried is zero before the first token; its layout is the
        network's."""
        ...


class CausalPredictor(Predictor):
    """The causal Mamba predictor: predict() feeds one token per track, whatever its length.

    A row of the state [17 + 2 R] float32 holds, with R = network.carried_size:

    | columns | what |
    |---|---|
    | 0:4 | newest box, observed or predicted, cxcywh pixels |
    | 4:8 | last observed box |
    | 8 | running mean of the observed size, pixels |
    | 9 | frames since the last observation |
    | 10:17 | the pending token, which the next predict() feeds (causal.py) |
    | 17 : 17 + R | A, carried state after the last observation that was fed |
    | 17 + R : 17 + 2 R | B, carried state of the forecast; it counts from a gap of 2 on |

    A and B hold, for each block, the last inputs of the convolution [d_conv - 1, d_inner] and the
    state of the scan, [d_inner, d_state] in torch and [d_state, d_inner] in C. The pending token is
    fed

    | gap before predict() | token | from | to |
    |---|---|---|---|
    | 0 | the observation | A | A |
    | 1 | the first prediction | A | B |
    | 2 and more | the prediction before | B | B |

    so that a track that is found again goes on from A, from what was observed, with the mean
    offset per frame of the gap as its token. correct() reads and writes the first HEAD columns
    only.

    Offsets of the size count in the first SIZED frames of a gap only: farther ahead their errors
    add up to boxes that no person has. Beyond H frames, the longest gap that the spread was fitted
    to, the box rests where it is: the network is asked the same question again, and its scales grow
    with the square root of the gap.

    spread: [H, 4], what makes the network's scales hold 68 % of the errors, after 1 to H frames
    """

    def __init__(self, network: Network, spread: Any):
        self.network, self.carried = network, network.carried_size
        self.spread = np.asarray(spread, np.float32).reshape(-1, 4)
        self.horizon = len(self.spread)
        self.state_size = HEAD + 2 * self.carried

    def start(self, boxes: Boxes) -> State:
        state = np.zeros((len(boxes), self.state_size), np.float32)
        state[:, BOX] = state[:, SEEN] = boxes
        state[:, SIZE] = np.sqrt(boxes[:, 2] * boxes[:, 3])
        state[:, PENDING] = _tokens(np.zeros_like(boxes), 1, 0, boxes)
        return state

    def state_fields(self, kept: State) -> list[Field]:
        return [
            *box_fields("motion", kept[:, BOX]),
            *box_fields("motion", kept[:, SEEN]),
            Field("mean sizes in motion", kept[:, SIZE], SMALLEST_SIZE, LARGEST_SIZE),
            Field("frames since seen in motion", kept[:, GAP], 0, LARGEST_EXACT, whole=True),
            Field("carried state in motion", kept[:, HEAD:], -CARRIED_LIMIT, CARRIED_LIMIT),
        ]

    def predict(self, state: State) -> tuple[Boxes, Boxes]:
        outputs = self._feed(state)
        before, unit = state[:, BOX].copy(), self._unit(state)
        boxes = as_plausible(before + outputs[:, :4] * unit)
        boxes[:, 2:] = np.where(state[:, GAP, None] >= SIZED, before[:, 2:], boxes[:, 2:])
        (resting,) = (state[:, GAP] >= self.horizon).nonzero()
        question = state[resting, PENDING]
        boxes[resting] = before[resting]
        state[:, GAP] += 1
        state[:, PENDING] = _tokens((boxes - before) / unit, 1, state[:, GAP], boxes)
        state[resting, PENDING] = question
        state[:, BOX] = boxes
        return boxes, self._spread(outputs[:, 4:], state[:, GAP], boxes)

    def _spread(self, log_scales: State, gaps: State, boxes: Boxes) -> Boxes:
        """[N, 4] pixels."""
        scales = np.exp(np.fmin(np.fmax(log_scales, LOG_SCALES[0]), LOG_SCALES[1]))  # NaN: least
        spread: Boxes = scales * spread_after(self.spread, gaps, boxes)
        return spread

    def correct(self, state: State, rows: Indices, boxes: Boxes) -> None:
        head = state[rows, :HEAD]
        spans = head[:, GAP, None]
        head[:, SIZE] += SIZE_WEIGHT * (np.sqrt(boxes[:, 2] * boxes[:, 3]) - head[:, SIZE])
        offsets = (boxes - head[:, SEEN]) / (spans * self._unit(head))
        head[:, PENDING] = _tokens(offsets, spans[:, 0], 0, boxes)
        head[:, BOX] = head[:, SEEN] = boxes
        head[:, GAP] = 0
        state[rows, :HEAD] = head

    def move(self, state: State, transform: Transform) -> None:
        """The boxes and the size; what the network carries is in sizes of the box, and stays."""
        state[:, SEEN], _ = moved_boxes(transform, state[:, SEEN])
        state[:, BOX], near = moved_boxes(transform, state[:, BOX])
        state[:, SIZE] *= np.sqrt(near.stretch.prod(axis=1))

    def _unit(self, state: State) -> State:
        """[N, 1] pixels per unit of offset."""
        return state[:, SIZE, None] / UNITS

    def _feed(self, state: State) -> State:
        """Feeds every pending token and moves A and B in place; returns the outputs [N, 8].

        The network works on A of all tracks at once; the few that are lost lend it their place.
        """
        if not len(state):
            return np.zeros((0, 8), np.float32)
        A, B = slice(HEAD, HEAD + self.carried), slice(HEAD + self.carried, None)
        lost = np.flatnonzero(state[:, GAP])
        if not len(lost):
            return self.network(state[:, PENDING], state[:, A])
        observed, later = state[lost, A], lost[state[lost, GAP] >= 2]
        state[later, A] = state[later, B]
        outputs = self.network(state[:, PENDING], state[:, A])
        moving = lost[state[lost, GAP] < self.horizon]
        state[moving, B] = state[moving, A]
        state[lost, A] = observed
        return outputs


def open_network(path: Path, device: str) -> Network:
    """The network of a .safetensors file: in C where c_library_for() says so, else in torch.

    Raises MambatrackError where the weights do not fit together.
    """
    if c_library_for(device):
        from mambatrack.kernels.cpu.network import CausalNetwork

        return CausalNetwork(load_weights(path), INPUT_LIMIT, back_of(read_card(path)))
    from mambatrack.networks.causal_step import CausalStep
    from mambatrack.networks.devices import choose_device
    from mambatrack.networks.model_files import load_model

    return CausalStep(load_model(path)[0], choose_device(device))


def _tokens(offsets: Boxes, spans: Any, unseen: Any, boxes: Boxes) -> State:
    """causal.as_tokens in numpy: offsets [N, 4] -> [N, TOKEN]."""
    tokens = np.empty((len(offsets), TOKEN), np.float32)
    tokens[:, :4] = offsets
    tokens[:, 4] = np.log(spans)
    tokens[:, 5] = np.log1p(unseen)
    tokens[:, 6] = np.log(boxes[:, 2] / boxes[:, 3])
    return tokens
