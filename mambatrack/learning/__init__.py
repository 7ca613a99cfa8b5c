"""Training of the motion model, the association and the gap filler."""
