"""Which files of a repository an overlay renders from, so that nothing else has to be fetched for it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from flipgate.core.git import edits
from flipgate.core.git.overlay import NAMES
from flipgate.core.values.errors import BadInput

LONGEST: Final = 500
"""Characters of a path; what is longer is a patch, or a text."""


def follow(
    overlays: Collection[str],
    *,
    folders_among: Callable[[Collection[str]], Collection[str]],
    show: Callable[[Collection[str]], None],
    find: Callable[[str], str | None],
) -> None:
    """Has `show` bring what these folders' kustomizations name, and those that they name, from one to the next.

    `show` is called once for each step away from the overlays. Not all that kustomize reads is known here: whoever
    renders has to bring the rest where that fails.
    """
    files: set[str] = set()
    seen: set[str] = set()
    waiting = set(overlays)
    while waiting:
        show(files | {posixpath.join(folder, name) for folder in waiting for name in NAMES})
        files = {path for folder in waiting for text in _texts(folder, find) for path in named_paths(text, folder)}
        seen |= waiting
        waiting = set(folders_among(files)) - seen
    show(files)


def _texts(folder: str, find: Callable[[str], str | None]) -> Iterator[str]:
    for name in NAMES:
        if (text := find(posixpath.join(folder, name))) is not None:
            yield text


def named_paths(text: str, folder: str) -> frozenset[str]:
    """Returns the paths, from the repository's top, that a kustomization in this folder may name: each of its words,
    whatever field it stands in, and what follows the `=` of a generator's KEY=PATH."""
    try:
        words = set(_words(edits.read_values(text, folder)))
    except BadInput:
        return frozenset()  # kustomize says so
    words |= {word.partition("=")[2] for word in words}
    return frozenset(path for word in words if (path := _path(word, folder)))


def _words(data: Any) -> Iterator[str]:
    waiting, seen = [data], set()
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, Mapping | list | tuple) and id(each) not in seen:
            seen.add(id(each))
            waiting += each.values() if isinstance(each, Mapping) else each


def _path(word: str, folder: str) -> str:
    """The path that a word is, within the repository; empty for what is none, or only leads back to where it stands."""
    if not word or len(word) > LONGEST or not word.isprintable() or word.startswith("/") or "://" in word:
        return ""
    path = posixpath.normpath(posixpath.join(folder, word))
    back = path in (".", "..") or path.startswith("../") or f"{posixpath.normpath(folder)}/".startswith(f"{path}/")
    return "" if back else path
