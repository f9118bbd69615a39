"""What any exchange needs, whatever its name: streams, exact numbers, clocks. No module here names an exchange."""
