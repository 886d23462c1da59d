"""Tasks: a folder for each, with the same file names in each."""
