"""What reads the journal by itself: queries, the listener for what others write, and the check of all that was written."""
