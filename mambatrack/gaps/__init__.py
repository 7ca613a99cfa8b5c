"""Gaps of tracks closed from both ends, and the revisions that say so."""
