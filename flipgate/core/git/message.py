"""What a commit of flipgate's says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flipgate.core.spec.git import GitSpec
from flipgate.core.values.foreign import printable
from flipgate.core.values.text import fitted

DEPLOY, FLIP, ROLL_BACK, REVERT = "deploy", "flip", "roll back", "revert"
LINES_KEPT = 100


def commit_message(
    spec: GitSpec, what: str, *, application: str, release: str, side: str, by: str, link: str, details: str = ""
) -> str:
    """Fills the declared message in. What people wrote is printed without control characters."""
    said = {
        "what": what,
        "application": application,
        "release": release,
        "side": side,
        "by": printable(by, 200),
        "link": printable(link, 500),
        "details": fitted(details, 8_000),
    }
    filled = spec.message.format(**said)
    text = "\n".join(printable(line.rstrip(), len(line)) for line in filled.splitlines()).strip()
    return (text or f"{what}: {application} {release}, {side}") + "\n"


def image_lines(before: Mapping[str, str], after: Mapping[str, str], beside: Iterable[str] = ()) -> str:
    """Returns a line for each service whose image changes, and for what gets one `beside` them."""
    services = [name for name in sorted(after) if before.get(name) != after[name]]
    new = [*(f"{name}: {before.get(name, 'none')} -> {after[name]}" for name in services), *beside]
    lines = [f"- {line}" for line in new[:LINES_KEPT]]
    return "\n".join([*lines, *([f"- and {len(new) - LINES_KEPT} more"] if len(new) > LINES_KEPT else [])])
