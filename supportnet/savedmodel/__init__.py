"""SavedModels: signatures, readers of messages, versions, loading."""
