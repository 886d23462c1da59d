"""The stand-in for TensorFlow Serving behind `supportnet serve`: its messages, paths, codes and reloading, in Python.

It is made for a laptop and for tests. Read in this order: `codes` (what an error is), `model` (one version, loaded),
`versions` and `store` (which versions are served), `inference` (what is asked of a model), `json_input` and `json_output`
(REST's JSON), `work` (the one queue), `rest`, `connections` and `rpc` (the two protocols), `run` (all of it).
"""
