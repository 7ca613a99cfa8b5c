"""The scan on a GPU, in Triton."""
