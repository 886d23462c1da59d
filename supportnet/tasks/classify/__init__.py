"""Classify messages by intent."""
