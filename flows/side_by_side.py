"""Does the same for several things side by side, within a flow: what Prefect knows of the run holds in each thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import TypeVar

from prefect.context import hydrated_context, serialize_context

A_FEW = 8
T = TypeVar("T")


def side_by_side(act: Callable[[str], T], names: Sequence[str]) -> list[T]:
    """Returns what `act` returns for each of these, in their order; a slow one holds up one of A_FEW threads, and no
    other thing. One alone needs no thread. Raises what the first that failed raised, once all have ended."""
    if len(names) < 2:
        return [act(name) for name in names]
    context, waiting = serialize_context(), SimpleQueue[int]()
    for number in range(len(names)):
        waiting.put(number)
    found: dict[int, T] = {}

    def work() -> None:
        with hydrated_context(context):  # once a thread: it opens a client of Prefect's API
            while True:
                try:
                    number = waiting.get_nowait()
                except Empty:
                    return
                found[number] = act(names[number])

    with ThreadPoolExecutor(min(A_FEW, len(names))) as pool:
        threads = [pool.submit(work) for _ in range(min(A_FEW, len(names)))]
    for thread in threads:
        thread.result()
    return [found[number] for number in range(len(names))]
