"""A load generator: keep-alive users of a route, counted without mercy, in a process of its own."""

from lab.load.generator import Load, LoadError
from lab.load.tally import LoadReport

__all__ = ["Load", "LoadError", "LoadReport"]
