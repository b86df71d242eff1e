"""Says what a hand-over of work will do, before it: what stops on one side and starts on the other, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from flipgate.core.spec.service import Service
from flipgate.core.values.unread import Unread
from flipgate.core.workloads.hand_over import Order, Scaled
from flipgate.core.workloads.view import SideState

ORDERS: Final[Mapping[Order, str]] = MappingProxyType(
    {
        "old-first": "old-first: once users have moved, all that works stops on {old} before it starts on {new}: for a "
        "moment nothing works",
        "new-first": "new-first: once users have moved, all that works starts on {new} before it stops on {old}: for a "
        "moment both sides work",
    }
)


def told(
    services: Sequence[Service],
    order: Order,
    old: SideState,
    new: SideState,
    counts: Mapping[str, int],
    scaled: Scaled | Unread,
) -> list[str]:
    """Returns the order, and a line for each of these services; nothing where none is handed over. `counts` is how
    many pods start on the new side (`counts.at_work`), `scaled` what KEDA scales there."""
    if not services:
        return []
    lines = [_one(each, old, new, counts, {} if isinstance(scaled, Unread) else scaled) for each in services]
    unread = [f"whether KEDA scales any of it is not known: {scaled.why}"] if isinstance(scaled, Unread) else []
    return [ORDERS[order].format(old=old.side, new=new.side), *lines, *unread]


def _one(service: Service, old: SideState, new: SideState, counts: Mapping[str, int], scaled: Scaled) -> str:
    name, was, then = service.name, old.workloads[service.name], new.workloads[service.name]
    if service.consume:
        return f"{name}: its pods stop to consume on {old.side}, and consume on {new.side}; they serve on both"
    if service.kind == "CronJob":
        if was.found and was.suspended:
            return f"{name}: is suspended on {old.side} by somebody, and stays suspended on {new.side}"
        starts = f"resumed on {new.side}" if then.found else f"{new.side} has none"
        return f"{name}: {f'suspended on {old.side}' if was.found else f'{old.side} has none'}, {starts}"
    stops = f"{old.side} stops {_pods(was.replicas)}" if was.found else f"{old.side} has none"
    if not then.found or name not in counts:
        return f"{name}: {stops}, {f'it stays down on {new.side}' if then.found else f'{new.side} has none'}"
    starts = f"{new.side} starts {_pods(max(counts[name], was.replicas))}"
    if rules := [f"{each.kind} {each.name}" for each in scaled.get(name, ())]:
        starts += f"; from then on {' and '.join(rules)} says how many"
    return f"{name}: {stops}, {starts}"


def _pods(count: int) -> str:
    return f"{count} pod{'' if count == 1 else 's'}"
