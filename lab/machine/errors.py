"""What goes wrong with the lab, said in one way."""

from __future__ import annotations


class LabError(Exception):
    """The lab can't be had. The message says what failed, where to look and what to do next."""
