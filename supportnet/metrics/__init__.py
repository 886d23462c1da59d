"""Metrics over arrays: calibration, ranking, thresholds."""
