"""The forms in which answers and requests travel, between handlers and the generated schemas."""
