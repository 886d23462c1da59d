"""Backbones: token embedding and encoder, shared by the heads of all tasks."""
