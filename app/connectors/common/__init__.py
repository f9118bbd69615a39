"""What a connector to any exchange needs: HTTP, calls, outcomes, limits, clocks, streams. No module here names an exchange."""
