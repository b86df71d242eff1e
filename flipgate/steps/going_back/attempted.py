"""What follows once users are on their way back: tried, and said where it fails."""

from __future__ import annotations

from collections.abc import Callable

from flipgate.core.values.errors import FlipgateError


def attempted(what: str, action: Callable[[], object], *, but: type[FlipgateError] | None = None) -> tuple[str, ...]:
    """Runs an action whose failure must not hold up users; returns the failure as a sentence. Raises `but`, whose
    caller goes on in another way."""
    try:
        action()
    except Exception as error:  # any at all: users are on their way back, or there already
        if but and isinstance(error, but):
            raise
        said = str(error) if isinstance(error, FlipgateError) else f"{type(error).__name__}: {error}"
        return (f"could not {what}: {said}",)
    return ()
