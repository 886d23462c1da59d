"""The client of a served model: REST without TensorFlow, or gRPC."""
