"""What a side costs while it is kept: pods, and what they ask of the nodes, as far as their templates say."""

from __future__ import annotations

from decimal import Decimal

from flipgate.core.values.frozen import dataclass
from flipgate.core.workloads.room import amount


@dataclass(frozen=True)
class Costs:
    """What a side's pods ask for together."""

    pods: int = 0
    cpu: Decimal = Decimal(0)
    """Cores."""
    memory: Decimal = Decimal(0)
    """Bytes."""
    unnamed: int = 0
    """Pods that name no request of one of the two: they cost more than is counted."""

    def __str__(self) -> str:
        asks = f"{self.pods} pods that ask for {amount('cpu', self.cpu)} cores and {amount('memory', self.memory)}"
        return f"{asks} of memory{f' ({self.unnamed} of them do not say all)' if self.unnamed else ''}"

    def __add__(self, other: Costs) -> Costs:
        return Costs(
            self.pods + other.pods,
            self.cpu + other.cpu,
            self.memory + other.memory,
            self.unnamed + other.unnamed,
        )
