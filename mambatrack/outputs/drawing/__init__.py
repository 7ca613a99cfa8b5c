"""Tracks drawn into a picture; what is predicted never looks like what was seen.

rules.py decides what is shown, for files, windows and the page alike; painter.py draws it.
"""
