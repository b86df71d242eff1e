"""A refusal in a run's log is one line: it says itself what it is about and what to type."""

from __future__ import annotations

import logging
from typing import Final

from flipgate.core.values.errors import FlipgateError

LOGGERS: Final = ("prefect.flow_runs", "prefect.task_runs", "prefect.engine")
"""Prefect's, of flows, of tasks, and of the process that runs them: each logs the same exception with its traceback."""


def without_traceback(record: logging.LogRecord) -> bool:
    """Lets every record through; one about a flipgate error without its traceback, which says nothing of the world."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, FlipgateError):
        record.exc_info = record.exc_text = None
        said, shown = record.getMessage(), repr(error)
        told = said.replace(shown, str(error)) if shown in said else f"{said}: {error}"
        record.msg, record.args = "%s", (" ".join(told.split()),)
    return True


def install() -> None:
    """Has Prefect's loggers say it so. Doing it again is fine."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(without_traceback)
