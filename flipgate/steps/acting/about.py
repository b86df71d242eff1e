"""What the refusals of a step are about: the application of its World."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from flipgate.core.spec.application import Application
from flipgate.core.values.errors import about


class OfApplication(Protocol):
    """A World, or what is made of one."""

    @property
    def application(self) -> Application: ...


W = TypeVar("W", bound=OfApplication)
P = ParamSpec("P")
R = TypeVar("R")


def about_application(
    *, untouched: str = ""
) -> Callable[[Callable[Concatenate[W, P], R]], Callable[Concatenate[W, P], R]]:
    """Decorates a step: its refusals name the World's application, and the registry's command for their reason, unless
    they say something more precise. `untouched` has to hold wherever the function refuses."""

    def wrap(function: Callable[Concatenate[W, P], R]) -> Callable[Concatenate[W, P], R]:
        @wraps(function)
        def named(world: W, /, *args: P.args, **kwargs: P.kwargs) -> R:
            with about(world.application.name, untouched=untouched):
                return function(world, *args, **kwargs)

        return named

    return wrap
