"""What Prefect imports of us, by the entry point `prefect.collections`: the blocks, where they are ours.

`blocks/` stands beside this package in a checkout and its image, and is in no wheel: where only the wheel is installed,
a `blocks` that can be imported is somebody else's, and is left alone (docs/decisions/0013-what-is-installed.md).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
"""What stands here is the checkout, where this package is part of one; else a place that others install into, too."""


def ours() -> bool:
    """Whether `import blocks` would give the checkout's own."""
    found = find_spec("blocks")
    beside = found is not None and Path(found.origin or "").resolve() == CHECKOUT / "blocks" / "__init__.py"
    return beside and (CHECKOUT / "prefect.yaml").is_file()


if ours():
    import blocks.cluster  # noqa: F401  (Prefect registers what is defined)
