"""Other people's trackers on the same boxes in the same run."""
