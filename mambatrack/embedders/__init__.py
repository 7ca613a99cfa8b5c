"""Embedders: colours of clothes, and networks in files."""
