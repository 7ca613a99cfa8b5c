"""Weight files and model cards, changed at random."""

import json

import numpy as np
from safetensors.numpy import save

from full_weights import card_of, full_weights
from mambatrack.networks.eight_bits import in_eight_bits

IN_EIGHT_BITS = 0.25  # of the files
VALUES = (0.0, -1.0, 1e-40, 1e3, 1e6, -1e6, 1e9, 3e38, np.inf, -np.inf, np.nan)
WRONG = (None, "text", "", [], {}, -1, 0, 1, 10**400, 1e300, 0.5, True, float("nan"), float("inf"),
         [[1.0] * 3], [["1"] * 4], [[-1.0] * 4], [[None] * 4], [[1.0] * 4], [1.0] * 5)  # fmt: skip
TYPES = (np.float64, np.float16, np.int64, np.int32, np.uint8, np.bool_)


def mutant(kind, rng):
    """The bytes of a weight file and of its card, and the name of what was done to them."""
    weights, card = full_weights(kind), card_of(kind)
    if rng.random() < IN_EIGHT_BITS:
        weights = in_eight_bits(weights)
    change = CHANGES[rng.integers(len(CHANGES))]
    content, text = change(weights, card, rng)
    return content, text, change.__name__


def of_values(weights, card, rng):
    """Some numbers of one weight, or all of it, are others."""
    array = pick(weights, rng)[1]
    value = VALUES[rng.integers(len(VALUES))]
    with np.errstate(all="ignore"):
        value = np.float64(value).astype(array.dtype)
    array.ravel()[rng.integers(array.size, size=rng.integers(1, array.size + 1))] = value
    return written(weights, card)


def of_scale(weights, card, rng):
    """All weights, or one, are larger or smaller by far, or noise."""
    names = list(weights) if rng.random() < 0.5 else [pick(weights, rng)[0]]
    for name in names:
        noise = rng.normal(size=weights[name].shape) if rng.random() < 0.5 else 1
        scaled = weights[name] * noise * 10.0 ** rng.integers(-6, 5)
        weights[name] = (
            np.clip(scaled, -49, 49).astype(np.float32)
            if "A_log" in name
            else (scaled.astype(np.float32))
        )
    return written(weights, card)


def of_shape(weights, card, rng):
    """One weight is longer, shorter, turned, flat, empty or of more axes."""
    name, array = pick(weights, rng)
    axis = int(rng.integers(array.ndim))
    longer = np.repeat(array, rng.integers(1, 5), axis=axis)
    shorter = np.take(array, range(rng.integers(array.shape[axis] + 1)), axis=axis)
    others = (longer, shorter, array.T.copy(), array.ravel(), array[None], array[:0])
    weights[name] = np.ascontiguousarray(others[rng.integers(len(others))])
    return written(weights, card)


def of_width(weights, card, rng):
    """Every axis of one size has another one: a network of its own, with the old card or a new."""
    old = int(pick(weights, rng)[1].shape[0])
    new = int(rng.integers(1, 130))
    for name, array in weights.items():
        weights[name] = resized(array, [new if n == old else n for n in array.shape])
    if rng.random() < 0.5:
        card["architecture"]["d_model"] = new
    return written(weights, card)


def of_names(weights, card, rng):
    """A weight is missing, twice under two names, or two are swapped."""
    (name, array), (other, there) = pick(weights, rng), pick(weights, rng)
    names = ("extra", "", "7." + name, "encoder." + name, name + ".", name.replace("0", "1"))
    what = rng.integers(3)
    if what == 0:
        del weights[name]
    elif what == 1:
        weights[names[rng.integers(len(names))]] = array
    else:
        weights[name], weights[other] = there, array
    return written(weights, card)


def of_type(weights, card, rng):
    name, array = pick(weights, rng)
    weights[name] = array.astype(TYPES[rng.integers(len(TYPES))])
    return written(weights, card)


def of_layers(weights, card, rng):
    """A block, a round or a member is gone, or there once more."""
    prefix = ("blocks.", "rounds.", "encoder.blocks.", "0.", "1.")[rng.integers(5)]
    number = f"{rng.integers(3)}."
    for name, array in list(weights.items()):
        if name.startswith(prefix + number) and rng.random() < 0.99:
            del weights[name]
        elif name.startswith(prefix) and prefix[-2].isalpha():
            weights[f"{prefix}{rng.integers(2, 4)}.{name[len(prefix) + 2 :]}"] = array
    return written(weights, card)


def of_bytes(weights, card, rng):
    """The file is cut, longer, or has other bytes in its header or anywhere."""
    content = bytearray(save(weights))
    what, header = rng.integers(4), 8 + int.from_bytes(content[:8], "little")
    if what == 0:
        del content[rng.integers(len(content)) :]
    elif what == 1:
        content += rng.bytes(rng.integers(1, 100))
    else:
        end = header if what == 2 else len(content)
        for at in rng.integers(end, size=rng.integers(1, 5)):
            content[at] = rng.integers(256)
    return bytes(content), json.dumps(card).encode()


def of_header(weights, card, rng):
    """A digit of a shape or of a place in the file is another one."""
    content = bytearray(save(weights))
    end = 8 + int.from_bytes(content[:8], "little")
    digits = [at for at in range(8, end) if 48 <= content[at] < 58]
    for at in rng.choice(digits, rng.integers(1, 4)):
        content[at] = rng.integers(48, 58)
    return bytes(content), json.dumps(card).encode()


def of_card(weights, card, rng):
    """Something else stands at one place of the card, or nothing."""
    inside = card
    while True:
        keys = list(inside) if isinstance(inside, dict) else range(len(inside))
        key = keys[rng.integers(len(keys))]
        if not isinstance(inside[key], (dict, list)) or not inside[key] or rng.random() < 0.3:
            break
        inside = inside[key]
    if rng.random() < 0.3:
        del inside[key]
    else:
        inside[key] = WRONG[rng.integers(len(WRONG))]
    return written(weights, card)


def of_card_bytes(weights, card, rng):
    text = bytearray(json.dumps(card).encode())
    if rng.random() < 0.2:
        return save(weights), b"[" * int(rng.integers(1, 100_000))
    for at in rng.integers(len(text), size=rng.integers(1, 4)):
        text[at] = rng.integers(256)
    return save(weights), bytes(text[: rng.integers(len(text))] if rng.random() < 0.2 else text)


CHANGES = (of_values, of_scale, of_shape, of_width, of_names, of_type, of_layers, of_bytes,
           of_header, of_card, of_card_bytes)  # fmt: skip


def pick(weights, rng):
    return list(weights.items())[rng.integers(len(weights))]


def resized(array, shape):
    for axis, size in enumerate(shape):
        array = np.take(array, np.arange(size) % max(array.shape[axis], 1), axis=axis)
    return np.ascontiguousarray(array)


def written(weights, card):
    return save(weights), json.dumps(card).encode()
