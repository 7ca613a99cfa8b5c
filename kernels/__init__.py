if __name__ == "kernels":
    raise ImportError("import mambatrack.kernels; the top-level folder kernels/ is installed below mambatrack")
