"""The gateway killed at every failpoint, and the recovery of the next process."""
