"""The pipelines' names, and the keys of their runs: the same key twice is one run, for good.

Runs, their deployments and the record call them so. Whoever starts a run makes its key here: two that spell it
differently start it twice.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

BUILD_COMPLETED: Final = "build-completed"
DEPLOY_DARK: Final = "deploy-dark"
FLIP_TRAFFIC: Final = "flip-traffic"
SCALE_DOWN: Final = "scale-down"
ROLL_BACK: Final = "roll-back"
RECONCILE: Final = "reconcile"


def release_key(pipeline: str, application: str, release: str, end: int = 0) -> str:
    """The key of a release's first run of a pipeline; of a soak whose end was moved, of the run at its `end`."""
    return f"{pipeline}-{application}-{release}{f'-end-{end}' if end else ''}"


def after_key(application: str, release: str) -> str:
    """The key of the run that goes on with what follows the end of a settled release."""
    return f"{SCALE_DOWN}-{application}-{release}-after"


def question_key(pipeline: str, application: str, question: str, held: datetime | None = None) -> str:
    """The key of the run that acts on a decision which its own run has not heard, or whose move was `held` back at this
    time. A question's id names its release; where none was asked, for gates did not pass, it is the release's name."""
    return f"{pipeline}-{application}-{question}{f'-held-{held:%Y%m%dT%H%M%S.%f}' if held else ''}"


def epoch_key(pipeline: str, application: str, epoch: int) -> str:
    """The key of the run that goes on after who acted in this epoch."""
    return f"{pipeline}-{application}-epoch-{epoch}"


def event_key(event: str) -> str:
    """The key of the run that releases what an event announced: an event told twice is one run."""
    return f"{DEPLOY_DARK}-event-{event}"


def queue_key(application: str, newest: datetime, ended: str) -> str:
    """The key of the run that releases the builds which waited until this release had ended, the newest of them built
    at this time."""
    return f"{DEPLOY_DARK}-{application}-queued-{newest:%Y%m%dT%H%M%S.%f}-after-{ended or 'none'}"


def another_key(key: str, turn: int) -> str:
    """The key of the run in place of one under `key` that does not act; the first turn's is `key` itself."""
    return f"{key}-again-{turn}" if turn > 1 else key
