"""The embedder auto: colours where the detector sees pictures anyway, and nothing elsewhere."""

from dataclasses import replace

from mambatrack.config import Config

CHOSEN = "colour"  # without weights, and as good as a network while people stay in view
FROM_FILES = "auto", "file"  # detectors; auto of a data set reads each det/det.txt
WITHOUT_ODDS = ("overlap",)  # associations to whose scores nothing can be added


def with_chosen_embedder(config: Config) -> Config:
    """The same settings with what fits in place of the embedder auto. Boxes of a file may be of
    other pictures than those at hand, and are tracked alike with and without them: nothing looks
    at pictures for them, nor for an association whose scores are no log-odds."""
    if config.appearance.embedder != "auto":
        return config
    blind = config.detector.name in FROM_FILES or config.tracker.association in WITHOUT_ODDS
    chosen = "off" if blind else CHOSEN
    return replace(config, appearance=replace(config.appearance, embedder=chosen))
