"""What only client 1.5.1 can ask."""
