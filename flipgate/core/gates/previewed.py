"""Judges what Traefik's replicas answer to who asks for the dark preview's host: is it the dark side?"""

from __future__ import annotations

from collections.abc import Mapping

from flipgate.core.gates.bake import ProbeResult, Reply
from flipgate.core.values.sides import Side


def settled(reply: Reply | str, side: Side) -> bool:
    """Whether asking again would tell no more: the side answered, or something turned flipgate's request away."""
    return _good(reply, side) or _turned_away(reply)


def judge_previewed(replies: Mapping[str, Reply | str], side: Side) -> str:
    """Returns as a sentence what was seen, replica by replica where it was not the side (text: no answer came)."""
    if not replies:
        return "not seen: no Traefik replica was found to be asked"
    good = [name for name, reply in replies.items() if _good(reply, side)]
    through = f"{len(good)} of {len(replies)} Traefik replicas"
    if len(good) == len(replies):
        return f"answers from {side} through {through}"
    others = "; ".join(f"{name} ({_heard(reply)})" for name, reply in sorted(replies.items()) if name not in good)
    if all(settled(reply, side) for reply in replies.values()):
        return f"lets only some in, and not flipgate's own request: {others}"
    return f"does not show {side} everywhere: {others}"


def _heard(reply: Reply | str) -> str:
    if isinstance(reply, Reply) and reply.misasked:
        return f"HTTP {reply.status}: {reply.misasked.fact}"
    return str(reply)


def _good(reply: Reply | str, side: Side) -> bool:
    return isinstance(reply, Reply) and reply.judged(side) is ProbeResult.GOOD


def _turned_away(reply: Reply | str) -> bool:
    return isinstance(reply, Reply) and reply.misasked is not None
