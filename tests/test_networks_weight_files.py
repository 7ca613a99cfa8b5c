"""Weight files and model cards that fit no network are refused by name."""

import json
import struct
import zlib

import numpy as np
import pytest
from safetensors.numpy import save, save_file

from full_weights import card_of, full_weights
from mambatrack import MambatrackError, load_config
from mambatrack.association.loading import load_learned
from mambatrack.gaps.filling import GapFiller
from mambatrack.motion.loading import load_predictor
from mambatrack.networks import weight_files
from mambatrack.networks.weight_files import DEFLATED, deflated, read_stored, read_weights

CONFIG = load_config().tracker
LOADERS = {
    "causal": load_predictor,
    "window": load_predictor,
    "association": lambda path: load_learned(path, CONFIG),
    "refill": GapFiller,
}
BIAS = {"association": "1.encoder.head.2.bias"}
KINDS = pytest.mark.parametrize("kind", LOADERS)
F32 = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


def copied(tmp_path, kind, weights=None, card=None, content=None):
    """A copy of the shipped network of a kind, changed."""
    path, held, told = tmp_path / "given.safetensors", full_weights(kind), card_of(kind)
    if weights is not None:
        weights(held)
    save_file(held, path)
    if content is not None:
        path.write_bytes(content)
    text = card if isinstance(card, (str, bytes)) else json.dumps(card(told) if card else told)
    path.with_suffix(".json").write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def assert_refused(kind, path, said):
    with pytest.raises(MambatrackError, match=said) as caught:
        LOADERS[kind](path)
    assert str(path) in str(caught.value) and len(str(caught.value)) < 600


def bias_of(kind):
    return BIAS.get(kind, "head.2.bias")


@KINDS
def test_the_shipped_weights_are_taken(tmp_path, kind):
    assert LOADERS[kind](copied(tmp_path, kind)) is not None


@KINDS
@pytest.mark.parametrize(
    "value, said",
    [(np.nan, "got nan"), (-np.inf, "got inf"), (2e6, "at most 1e.06 expected, got 2e.06")],
)
def test_weights_that_are_no_usual_numbers_are_refused(tmp_path, kind, value, said):
    name = bias_of(kind)

    def change(weights):
        weights[name][1] = value

    assert_refused(kind, copied(tmp_path, kind, change), f"{name}: finite numbers .*{said}")


@KINDS
@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64, np.int32, np.uint8, np.bool_])
def test_other_types_of_numbers_are_refused(tmp_path, kind, dtype):
    name = bias_of(kind)

    def change(weights):
        weights[name] = weights[name].astype(dtype)

    assert_refused(
        kind, copied(tmp_path, kind, change), f"{name}: numbers of type F32 expected, got "
    )


@KINDS
def test_every_weight_that_is_missing_or_of_another_shape_is_named(tmp_path, kind):
    names = list(full_weights(kind))
    for name in names[:: max(len(names) // 25, 1)]:
        for changed in (lambda a: None, lambda a: np.append(a, a[:1], axis=0), lambda a: a[None],
                        lambda a: a[:0], lambda a: np.repeat(a, 2, axis=-1)):  # fmt: skip

            def change(weights, name=name, changed=changed):
                weights[name] = changed(weights[name])
                if weights[name] is None:
                    del weights[name]

            path = copied(tmp_path, kind, change)
            assert_refused(
                kind, path, "do not fit together: .*(expected, got|missing|the card says)"
            )


@KINDS
@pytest.mark.parametrize("name", ["extra", "", "blocks.", "rounds.9.own.weight", "²", "7.x", "\n"])
def test_a_weight_of_no_network_is_refused(tmp_path, kind, name):
    def change(weights):
        weights[name] = np.zeros(3, np.float32)

    assert_refused(kind, copied(tmp_path, kind, change), "do not fit together")


@KINDS
@pytest.mark.parametrize(
    "content",
    [
        b"", b"\0" * 8, struct.pack("<Q", 8 << 30) + b"{}", struct.pack("<Q", 2**64 - 1),
        b"version https://git-lfs.github.com/spec/v1\n",
    ],
)  # fmt: skip
def test_a_file_of_something_else_is_refused(tmp_path, kind, content):
    assert_refused(kind, copied(tmp_path, kind, content=content), "do not fit together")


@pytest.mark.parametrize(
    "header, said",
    [
        ({"a": F32 | {"shape": [2]}}, "do not fit"),
        ({"a": F32 | {"shape": [2**63, 2**63]}}, "do not fit"),
        ({"a": F32 | {"data_offsets": [4, 0]}}, "do not fit"),
        ({"a": F32, "b": F32}, "do not fit"),
        ({"a": F32 | {"dtype": "BF16", "shape": [2]}}, "numbers of type F32 expected, got BF16"),
        ({"a": F32 | {"dtype": "I64"}}, "do not fit"),
        (f'{{"a": {json.dumps(F32)}, "a": {json.dumps(F32)}}}', "'a' is given twice"),
        ("[" * 5000, "do not fit"),
    ],
)
def test_headers_that_lie_are_refused(tmp_path, header, said):
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    content = struct.pack("<Q", len(text)) + text + b"1234"
    assert_refused("causal", copied(tmp_path, "causal", content=content), said)


@KINDS
def test_a_file_within_a_file_holds_the_same(tmp_path, kind):
    path = copied(tmp_path, kind)
    content, expected = path.read_bytes(), read_weights(path)
    path.write_bytes(deflated(content))
    assert path.stat().st_size < len(content)
    found = read_weights(path)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
    assert LOADERS[kind](path) is not None


def held(data, dtype=np.uint8):
    return save({DEFLATED: np.frombuffer(data, dtype)})


PACKED = zlib.compress(save({"a": np.zeros(4, np.float32)}))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (held(PACKED[:-5]), "got more or fewer"),
        (held(PACKED + b"more"), "got more or fewer"),
        (held(b""), "got more or fewer"),
        (held(b"no such bytes"), "its bytes are damaged"),
        (held(PACKED[:20] + b"\xff" * 20 + PACKED[40:]), "its bytes are damaged"),
        (held(PACKED + bytes(-len(PACKED) % 4), np.float32), "bytes expected, got F32"),
        (save({DEFLATED: np.zeros((2, 2), np.uint8)}), r"bytes expected, got U8 \[2, 2\]"),
        (held(zlib.compress(bytes(1 << 27))), "of at most 67108864 expected"),
        (held(zlib.compress(held(PACKED))), "numbers of type F32 expected, got U8"),
        (save({DEFLATED: np.zeros(2, np.uint8), "b": np.zeros(2, np.uint8)}), "got U8"),
        (held(PACKED), "missing"),
    ],
)  # fmt: skip
def test_files_within_files_that_are_damaged_are_refused(tmp_path, content, said):
    assert_refused("causal", copied(tmp_path, "causal", content=content), said)


def test_what_is_too_long_to_be_read_within_a_file_is_not_put_there(tmp_path, monkeypatch):
    content = copied(tmp_path, "window").read_bytes()
    monkeypatch.setattr(weight_files, "LONGEST_INFLATED", len(content) - 1)
    assert deflated(content) == content
    monkeypatch.setattr(weight_files, "LONGEST_INFLATED", len(content))
    (tmp_path / "small.safetensors").write_bytes(deflated(content))
    assert read_stored(tmp_path / "small.safetensors").keys() == full_weights("window").keys()


def test_members_that_differ_are_refused(tmp_path):
    from association_models import network

    other = {f"1.{name}": each.numpy() for name, each in network().state_dict().items()}

    def change(weights):
        weights.update(other)

    assert_refused("association", copied(tmp_path, "association", change), "do not fit together")
    assert_refused(
        "association", copied(tmp_path, "association", lambda w: w.pop("1.out.bias")), "out.bias"
    )


PLACES = {
    "causal": ("spread", "architecture.d_model", "architecture.layers", "architecture.d_state"),
    "window": ("spread", "architecture.window", "normalisation.unit", "architecture.d_state"),
    "refill": ("calibration", "wander", "architecture.q", "architecture.longest"),
    "association": ("architecture.d_model", "architecture.layers", "architecture.rounds"),
}
WRONG = (None, "text", "", [], {}, -1, 10**400, 1e300, 0.5, True, [[1.0] * 3], [["1"] * 4],
         [[-1.0] * 4], [[None] * 4], [[10**400] * 4], [1.0] * 5)  # fmt: skip


@pytest.mark.parametrize("kind, place", [(k, p) for k, each in PLACES.items() for p in each])
@pytest.mark.parametrize("value", WRONG, ids=lambda value: str(value)[:20])
def test_cards_with_something_else_are_refused(tmp_path, kind, place, value):
    def change(card):
        inside = card
        *folders, last = place.split(".")
        for each in folders:
            inside = inside[each]
        inside[last] = value
        return card

    assert_refused(kind, copied(tmp_path, kind, card=change), place.rpartition(".")[2])


@KINDS
@pytest.mark.parametrize(
    "text",
    [
        "", "{", "null", "[]", "3", '"text"', "[" * 100_000, '{"architecture": []}', b"\xff\xfe{}",
        '{"architecture": {"kind": NaN}}', '{"architecture": {}, "spread": Infinity}',
        '{"architecture": {}, "architecture": {}}', "9" * 6000,
    ],
    ids=lambda text: str(text)[:20],
)  # fmt: skip
def test_files_that_are_no_cards_are_refused(tmp_path, kind, text):
    assert_refused(kind, copied(tmp_path, kind, card=text), "do not fit together|unknown kind")


@pytest.mark.parametrize(
    "error", [RuntimeError("no kernel image"), MemoryError(), ImportError("x")]
)
def test_errors_of_the_machine_stay_as_they_are(tmp_path, error, monkeypatch):
    from mambatrack.motion import causal_predictor

    def broken(*_):
        raise error

    monkeypatch.setattr(causal_predictor, "c_library_for", broken)
    with pytest.raises(type(error)):
        load_predictor(copied(tmp_path, "causal"))
