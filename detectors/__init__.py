if __name__ == "detectors":
    raise ImportError("import mambatrack.detectors; the top-level folder detectors/ is installed below mambatrack")
