"""The online tracker, its hypotheses and its state; many cameras; offline tracking."""
