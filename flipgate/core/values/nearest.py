"""What somebody probably meant: the known word nearest to an unknown one."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` is most likely a slip of, whatever its capitals; None when none is near."""
    from difflib import get_close_matches

    by_folded = {name.casefold(): name for name in sorted(known)}
    found = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def hint(word: str, known: Iterable[str]) -> str:
    """The second half of a message about an unknown word: the nearest known one, or all of them, sorted."""
    names = sorted(known)
    if (guess := nearest(word, names)) is not None:
        return f'did you mean "{guess}"?'
    return f"known: {', '.join(names)}" if names else "none is known"
