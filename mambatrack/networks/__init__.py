"""The Mamba networks, their single steps, and the files that hold their weights."""
