"""Checkpoints are read as they were written, or refused; nothing in them is run."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from mambatrack import MambatrackError, load_config
from mambatrack.learning.checkpoints import (
    Recipe,
    State,
    recipe_of,
    resume,
    save_checkpoint,
    writing,
)

RECIPE = Recipe("training", {"seed": 0, "rate": 0.5}, {"seed": 0, "rate": 1.0})


def state_of(size=3):
    """A network after one step."""
    torch.manual_seed(size)
    model = torch.nn.Linear(size, 2)
    optimiser = torch.optim.Adam(model.parameters())
    model(torch.ones(size)).sum().backward()
    optimiser.step()
    return State(model, optimiser, np.random.default_rng(size))


def numbers(state):
    states = state.optimiser.state_dict()["state"]
    parts = [each[key] for each in states.values() for key in sorted(each)]
    parts += state.model.state_dict().values()
    return [each.clone() for each in parts], state.rng.bit_generator.state


@pytest.fixture
def path(tmp_path):
    save_checkpoint(tmp_path / "checkpoint.safetensors", RECIPE, state_of(), 7)
    return tmp_path / "checkpoint.safetensors"


def test_what_was_written_is_read(path):
    other = state_of()
    with torch.no_grad():
        other.model.weight += 1
    other.rng.random(5)
    assert resume(path, RECIPE, other) == 7
    for ours, theirs in zip(numbers(other)[0], numbers(state_of())[0], strict=True):
        assert torch.equal(ours, theirs)
    assert numbers(other)[1] == numbers(state_of())[1]


def test_without_a_checkpoint_the_start_is_step_0(tmp_path):
    assert resume(tmp_path / "checkpoint.safetensors", RECIPE, state_of()) == 0


def rewritten(path, tensors=lambda tensors: tensors, **metadata):
    with safe_open(path, "pt") as file:
        said = file.metadata() | metadata
    save_file(tensors(load_file(path)), path, {k: v for k, v in said.items() if v is not None})


@pytest.mark.parametrize(
    "metadata",
    [{"step": None}, {"step": "seven"}, {"settings": None}, {"settings": "{"}, {"settings": "[]"},
     {"settings": "[" * 100_000}, {"rng": None}, {"rng": "{}"}, {"rng": "7"},
     {"rng": '{"bit_generator": "MT19937"}'}],
)  # fmt: skip
def test_metadata_that_does_not_fit_is_refused(metadata, path):
    rewritten(path, **metadata)
    with pytest.raises(MambatrackError, match=r"checkpoint\.safetensors is damaged .* delete"):
        resume(path, RECIPE, state_of())


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: {k: v for k, v in tensors.items() if k != "model.weight"},
        lambda tensors: {k: v for k, v in tensors.items() if k != "optimiser.1.exp_avg"},
        lambda tensors: tensors | {"model.more": torch.zeros(1)},
        lambda tensors: tensors | {"optimiser.2.exp_avg": torch.zeros(1)},
        lambda tensors: tensors | {"optimiser.0.exp_avg": torch.zeros(5)},
        lambda tensors: tensors | {"optimiser.first": torch.zeros(1)},
        lambda tensors: tensors | {"model.weight": torch.zeros(2, 9)},
        lambda tensors: tensors | {"optimiser.0.step": torch.zeros(2, 3)},
    ],
)
def test_tensors_that_do_not_fit_are_refused(change, path):
    rewritten(path, change)
    with pytest.raises(MambatrackError, match="is damaged"):
        resume(path, RECIPE, state_of())


def test_a_checkpoint_of_another_network_is_refused(path):
    with pytest.raises(MambatrackError, match="is damaged"):
        resume(path, RECIPE, state_of(4))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damaged_files_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "checkpoint.safetensors"
    save_checkpoint(path, RECIPE, state_of(), 7)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        assert isinstance(resume(path, RECIPE, state_of()), int)
    except MambatrackError as error:
        assert str(path) in str(error)


def test_a_pickle_is_never_opened(path, tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "opened",))

    for write in (lambda: path.write_bytes(pickle.dumps(Trap())),
                  lambda: torch.save({"model": Trap()}, path)):  # fmt: skip
        write()
        with pytest.raises(MambatrackError, match="is damaged"):
            resume(path, RECIPE, state_of())
    assert not (tmp_path / "opened").exists()


def test_other_settings_are_named(path):
    with pytest.raises(MambatrackError, match=r"other settings or data \(rate 0.5 and not 0.1\)"):
        resume(path, Recipe("training", {"seed": 0, "rate": 0.1}, {}), state_of())


def test_a_younger_setting_had_its_default_and_an_older_name_is_known(path):
    now = {"seed": 0, "rate": 0.5, "gap_share": 0.3}
    rewritten(path, settings=json.dumps({"seed": 0, "gaps": 0.3}))
    assert resume(path, Recipe("training", now, now), state_of()) == 7
    with pytest.raises(MambatrackError, match="rate 1.0 and not 0.5"):
        resume(path, Recipe("training", now, now | {"rate": 1.0}), state_of())


def test_a_recipe_leaves_out_what_is_free_to_change():
    given = load_config(None, {"training.seed": 3, "training.threads": 2}).training
    recipe = recipe_of("training", given, [], ("threads", "steps"))
    assert recipe.values["seed"] == 3 and recipe.assumed["seed"] == 0
    assert not {"threads", "steps"} & recipe.values.keys() and recipe.values["data"] == []
    assert json.loads(json.dumps(recipe.values)) == recipe.values


def test_errors_of_writing_say_where_and_how_to_go_on(tmp_path):
    with pytest.raises(MambatrackError, match=f"{tmp_path}: No space left on device.*goes on"):
        with writing(tmp_path):
            raise OSError(28, "No space left on device", "checkpoint")
    with pytest.raises(KeyError), writing(tmp_path):  # not of writing
        raise KeyError
