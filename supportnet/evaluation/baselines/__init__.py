"""What a user would pick instead of a model of this package, one a task."""
