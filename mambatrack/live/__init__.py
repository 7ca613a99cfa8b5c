"""Live tracking: sources that come and go, several on one model, watched while they run."""
