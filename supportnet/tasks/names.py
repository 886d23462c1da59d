"""The tasks that a model is trained for."""

#: An export has a part for each that was trained.
TASKS = ("classify", "suggest", "reply")
