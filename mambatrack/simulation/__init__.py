"""Made-up worlds, and the errors of detectors put on true boxes."""
