"""The stand-in for TensorFlow Serving behind `supportnet serve`: its messages, paths, codes and reloading, in Python.

It is made for a laptop and for tests. Reading order: `codes` (errors), `model` (one loaded version, and tensors as
arrays), `inference` (predict, classify, regress, warm-up), `configuration` and `store` (models and their versions),
`json_values`, `json_request` and `json_response` (REST's JSON), `service` (the calls and their queue), `http_server`
and `grpc_server` (the two protocols), `serve` (the whole server).
"""
