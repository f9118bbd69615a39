"""Tools for those who work on the repository: what the code looks like, as figures. Nothing here is part of the program."""
