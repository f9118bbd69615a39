"""Keeping an account equal to its exchange: feeds, recovery, settling and funding payments."""
