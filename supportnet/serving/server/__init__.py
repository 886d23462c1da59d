"""The stand-in for TensorFlow Serving behind `supportnet serve`: its messages, paths, codes and reloading, in Python.

It is made for a laptop and for tests. Reading order: `codes` (errors), `model` (one loaded version: predict, classify,
regress, warm-up), `store` (the configured models and their versions), `rest_json` (REST's calls), `request_queue` (what
runs them), `http_server` (REST), `serve` (gRPC, and the whole server).
"""
