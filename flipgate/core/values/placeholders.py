"""Placeholders in what the application's file has somebody asked: whose number it is, and over which time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from flipgate.core.values.nearest import hint

NAMESPACE: Final = "namespace"
WINDOW: Final = "window"
_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_]+)\}")


def unknown_placeholders(text: str, known: tuple[str, ...]) -> Iterator[str]:
    """`up{job}` is no PromQL, so what looks like a placeholder is meant as one."""
    for word in _PLACEHOLDER.findall(text):
        if word not in known:
            yield f"has the unknown placeholder {{{word}}}; {hint(word, known)}"


def filled(text: str, namespace: str, window_seconds: int = 1) -> str:
    """The text with its placeholders replaced."""
    return text.replace("{namespace}", namespace).replace("{window}", f"{window_seconds}s")
