"""Decisions, pure: no I/O, the clock is an argument."""
