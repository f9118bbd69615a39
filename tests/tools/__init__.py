"""The tools of those who work on the project."""
