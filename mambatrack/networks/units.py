"""The numbers that the networks' numpy, torch and C share; no torch here."""

TOKEN = 7  # inputs of the causal motion network (networks/causal.py)
OUTPUTS = 8  # offsets of cx, cy, w, h in units, and the log of their scale
UNITS = 20.0  # units of offset in the size of a box, so that usual offsets are about 1
SIZE_WEIGHT = 0.2  # of the newest box in the running mean of the size
SIZED = 5  # frames of a gap in which the box goes on changing its size
LOG_SCALES = (-7.0, 2.0)  # least and largest that counts
INPUT_LIMIT = 8.0  # of a motion network's inputs; beyond, the blocks without a norm become NaN
FEATURE_LIMIT = 6.0  # of every normalised input of the pair network
CODE_LIMIT = 8.0  # a history that the encoder has never met may not drown the pairs beside it
CARRIED_LIMIT = 1e6  # of what a network carries on in a saved state
NORM_EPSILON = 1e-5  # of torch.nn.LayerNorm
IMAGE_UNITS = 250  # units of offset in the width or height of an image (DiffMOT, TrackSSM)
