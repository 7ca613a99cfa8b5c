"""Shipped networks as they were before they were rounded, nearly."""

import json

import numpy as np
from safetensors.numpy import save

from mambatrack.networks.model_files import WEIGHTS, write_weights
from mambatrack.networks.weight_files import read_weights

NOISE = 1e-3  # of a weight, so that none lies on a step


def full_weights(kind):
    """Those of mambatrack-KIND.safetensors by name, in 32 bits."""
    rng = np.random.default_rng(0)
    found = read_weights(WEIGHTS / f"mambatrack-{kind}.safetensors", half=True)
    noise = {name: rng.normal(0, NOISE, each.shape) for name, each in found.items()}
    return {name: (each * (1 + noise[name])).astype(np.float32) for name, each in found.items()}


def card_of(kind):
    """That of mambatrack-KIND.safetensors, as of weights that were not rounded."""
    card = json.loads((WEIGHTS / f"mambatrack-{kind}.json").read_text())
    return {name: each for name, each in card.items() if name not in ("quantised", "sha256")}


def write_full(path, kind):
    """The path of such a file, with its model card."""
    write_weights(path, save(full_weights(kind)), card_of(kind))
    return path
