"""Processes that kill themselves at an edge of the journal: the programs themselves know nothing of it.

Python imports `sitecustomize` before any program begins (https://docs.python.org/3/library/site.html), and the one of
tests/dies is found first where `at` is in a process's environment: a `flipgate` that somebody types, a flow run that a
worker starts, anything in Python.
"""

from __future__ import annotations

import os

from lab.machine.paths import CHECKOUT

VARIABLE = "TESTS_DIE_AT"
BEGUN, DONE = "begun", "done"
EDGES = (BEGUN, DONE)
"""Right after an entry was written, before its work; and after its work, right before that is written."""


def at(step: str, edge: str = DONE) -> dict[str, str]:
    """The environment of a process that dies at this edge of its first entry of this step. A step may also be the name
    of a phase: then it dies right before that is written (`done`)."""
    before = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join(filter(None, (str(CHECKOUT / "tests" / "dies"), str(CHECKOUT), before)))
    return {VARIABLE: f"{step}:{edge}", "PYTHONPATH": path}
