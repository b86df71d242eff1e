"""The one policy of all step tasks."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from flipgate.core.values.errors import TemporaryError
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import begin_again
from tasks import one_line

one_line.install()  # whoever has steps has their refusals in one line

DELAYS_SECONDS: list[float] = [1, 3, 10]
F = TypeVar("F", bound=Callable[..., Any])


def temporary(_task: Task[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a failed task is tried again: only after a fault that may heal by itself. Every step looks first, so
    trying again is safe."""
    try:
        state.result()
    except TemporaryError:
        return True
    except BaseException:  # a verdict, a refusal, or a bug: trying again gives the same
        return False
    return False


def step(name: str, *, retries: int = 3) -> Callable[[F], F]:
    """A step as a task: never cached (the world is the only memory), retried when the failure is temporary.

    An entry of the journal that the try before has left open is closed first: else each further one would be refused
    for it. `retries=0` for a step that must be looked at before it is tried again: the flow recovers what it left.
    """

    def wrap(function: F) -> F:
        @wraps(function)
        def tried(*arguments: Any, **more: Any) -> Any:
            if retries and arguments and isinstance(arguments[0], Acting):
                begin_again(arguments[0])
            return function(*arguments, **more)

        made: Any = task(
            name=name,
            cache_policy=NO_CACHE,
            persist_result=False,
            retries=retries,
            retry_delay_seconds=DELAYS_SECONDS[:retries],
            retry_condition_fn=temporary,
        )(tried)
        return made  # type: ignore[no-any-return]

    return wrap
