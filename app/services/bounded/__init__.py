"""Services within the bounds of one caller: what it may not see is refused where it is named, and left out where it is not."""
