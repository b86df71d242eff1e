"""The reasons as a page: `python -m flipgate.core.values.reasons_page > docs/reasons.md`."""

from __future__ import annotations

from flipgate.core.values.meanings import ENTRIES
from flipgate.core.values.reasons import Why

HEAD = """\
# Reasons

Made from `flipgate/core/values/meanings.py`; a test holds the two equal.

Each refusal (`reason` with `-o json`), change of phase, condition and announcement has one of these words. They are
API: scripts may rely on them. A message says more: the object, the fact with its numbers, what was left untouched, and
the next command.

| reason | what it means | what to do |
|---|---|---|
"""


def render() -> str:
    """The page as committed."""
    return HEAD + "".join(f"| `{why}` | {ENTRIES[why].meaning} | {ENTRIES[why].to_do} |\n" for why in Why)


if __name__ == "__main__":
    print(render(), end="")
