"""Searches long: `python -m tests.simulation --seeds 100000 [--from N] [--processes 2] [--stale]`."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.simulation.plans import STALE, plan_of
from tests.simulation.planted import PLANTED, planted
from tests.simulation.search import Figures, search, shortest, told
from tests.simulation.simulation import live

CHUNK = 25


def settle_memory() -> None:
    """Nothing that is loaded by now is garbage: looking through it again and again was a quarter of a life's time."""
    live(plan_of(0), 0)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def progress(whole: Figures, wanted: int, took: float) -> str:
    """How far a search is, how fast it goes, and how long it will still go."""
    left = (wanted - whole.seeds) * took / whole.seeds
    rate = f"{whole.seeds / took:.1f} a second, {took:.0f} s gone, {left:.0f} s left"
    return f"{whole.seeds:,} of {wanted:,} lives, {len(whole.broken)} broken; {rate}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many lives")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--story", action="store_true", help="only the story of the first seed, as it is")
    parser.add_argument("--stale", action="store_true", help="lives whose reads may be old: an adversary, no cluster")
    parser.add_argument("--planted", action="store_true", help="the table of fences taken out, one after the other")
    options = parser.parse_args()
    options.first += STALE if options.stale else 0
    if options.planted:
        return tell_planted(range(options.first, options.first + options.seeds))
    if options.story:
        print(told(options.first, live(plan_of(options.first), options.first)))
        return 0
    began, whole = time.monotonic(), Figures()
    starts = range(options.first, options.first + options.seeds, CHUNK)
    end = options.first + options.seeds
    with ProcessPoolExecutor(options.processes, initializer=settle_memory) as pool:
        chunks = [pool.submit(search, range(start, min(start + CHUNK, end))) for start in starts]
        for chunk in as_completed(chunks):
            found = chunk.result()
            whole.seeds += found.seeds
            whole.requests += found.requests
            whole.switches += found.switches
            whole.moves += found.moves
            whole.broken |= found.broken
            for seed, outcome in found.broken.items():
                print(told(seed, shortest(outcome)), end="\n\n", flush=True)
            print(progress(whole, options.seeds, time.monotonic() - began), flush=True)
    print(f"requests {whole.requests:,}, switches {whole.switches:,}, routes moved {whole.moves:,}")
    return 1 if whole.broken else 0


def tell_planted(seeds: Sequence[int]) -> int:
    """Prints a row for each fence: what it took to see that it is gone."""
    missed = 0
    for name in PLANTED:
        with planted(name):
            figures = search(seeds, stop=True)
            for found in figures.broken.values():
                short = shortest(found)
                print(f"| {name} | {figures.seeds} | {len(short.story)} | {short.broken} |", flush=True)
                print("\n".join([str(short.plan), *short.story]), end="\n\n", file=sys.stderr, flush=True)
            if not figures.broken:
                missed += 1
                print(f"| {name} | not within {figures.seeds} | | |", flush=True)
    return missed


if __name__ == "__main__":
    raise SystemExit(main())
