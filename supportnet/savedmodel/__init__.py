"""SavedModels: signatures and their warm-up, readers of messages, fused LSTMs, loading."""
