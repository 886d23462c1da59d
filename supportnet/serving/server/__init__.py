"""The stand-in for TensorFlow Serving behind `supportnet serve`: its messages, paths, codes and reloading, in Python.

It is made for a laptop and for tests. Read in this order: `codes` (what an error is), `model` (one version, loaded),
`inference` (what is asked of it), `configuration`, `versions` and `store` (what is served), `json_request` and
`json_response` (REST's JSON), `service` (the calls), `work` (the one queue), `rest`, `connections` and `rpc` (the two
protocols), `run` (all of it).
"""
