"""What only client 1.5.9 can ask."""
