"""Tracks drawn into a picture; what is predicted never looks like what was seen."""
