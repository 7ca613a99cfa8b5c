"""Sequences in MOT layout: folders, ground truth, detections, and matching boxes to the truth."""
