"""Scores of tracking results, and what lies behind them.

>>> from mambatrack.evaluation import score
>>> print(score(find_sequences("data/dancetrack/val"), "results/").combined.HOTA)
"""

from mambatrack.evaluation.scores import Score, Scores, Summary, match_events, score, summary

__all__ = ["Score", "Scores", "Summary", "match_events", "score", "summary"]
