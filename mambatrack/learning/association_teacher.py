"""A trained association whose choices other networks learn (knowledge distillation)."""

import torch

from mambatrack.association.features import NAMES
from mambatrack.association.loading import check_member, path_of, split_members
from mambatrack.errors import MambatrackError
from mambatrack.learning.association_network import PairNetwork
from mambatrack.learning.association_pieces import IndexedRecording, Taught, join
from mambatrack.networks.card_values import whole
from mambatrack.networks.model_files import fitting, read_card
from mambatrack.networks.weight_files import read_weights

LARGEST_SIZE = 4096  # of a network: its width, layers, states or rounds


class AssociationTeacher:
    """The networks of a trained association in torch.

    name: learned, or the path of its weights, a .safetensors file with its model card
    Raises MambatrackError for other files, and for networks that read other features than today's.
    """

    def __init__(self, name: str):
        path = path_of(name)
        card = read_card(path, ("association",))
        if card.get("features") != list(NAMES):
            raise MambatrackError(
                f"association.teacher: {path} reads other features than the networks that it "
                "should teach; give weights that this version trained"
            )
        self.networks = []
        with fitting(path):
            names = ("d_model", "layers", "d_state", "rounds")
            sizes = [whole(card, f"architecture.{each}", 0, LARGEST_SIZE) for each in names]
            for weights in split_members(read_weights(path)):
                check_member(weights, card)
                network = PairNetwork(*sizes)
                network.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
                self.networks.append(network)

    @torch.no_grad()
    def teach(self, given: IndexedRecording) -> IndexedRecording:
        """The recording with the mean of what the networks say of it, as the tracker takes it."""
        batch = join([given.cut(0, len(given.recording.pairs), False)])
        said = [each(batch) for each in self.networks]
        means = (torch.stack(part).mean(0).numpy() for part in zip(*said, strict=True))
        return given._replace(taught=Taught(*means))
