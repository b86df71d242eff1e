"""`python -m lab.load URL`: send load and print one JSON object at the end, or (--stream) rows as they come."""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from typing import Any

import uvloop

from lab.load.client import Plan, run
from lab.load.tally import Row, Tally

_FLUSH_SECONDS = 0.05


def main() -> None:
    arguments = _arguments()
    plan = Plan(
        arguments.url,
        arguments.host,
        arguments.path,
        arguments.clients,
        arguments.rate or None,
        arguments.long,
        arguments.long_seconds,
        arguments.websockets,
    )
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        uvloop.run(_stream(plan) if arguments.stream else _whole(plan, arguments.seconds))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.load", description="Keep-alive users of a route, counted.")
    parser.add_argument("url", help="where to connect, such as http://127.0.0.1:8000")
    parser.add_argument("--host", default="localhost", help="the Host header (default: %(default)s)")
    parser.add_argument("--path", default="/", help="what to ask for (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=8, help="connections (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=200.0, help="requests per second in all; 0: as fast as they can")
    parser.add_argument("--seconds", type=float, default=10.0, help="for how long (default: %(default)s)")
    parser.add_argument("--long", type=int, default=0, help="clients that ask for /slow")
    parser.add_argument("--long-seconds", type=float, default=5.0, help="how long that takes (default: %(default)s)")
    parser.add_argument("--websockets", type=int, default=0, help="WebSockets to /ws that stay open")
    parser.add_argument("--stream", action="store_true", help="print rows as JSON lines until standard input ends")
    return parser.parse_args()


async def _whole(plan: Plan, seconds: float) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop.set)
    loop.call_later(seconds, stop.set)
    tally = Tally()
    await run(plan, tally.add, stop)
    print(json.dumps(tally.report().as_dict(), indent=2))


async def _stream(plan: Plan) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    ended = loop.run_in_executor(None, sys.stdin.read)
    ended.add_done_callback(lambda _: stop.set())
    rows: list[Row] = []
    flushing = asyncio.create_task(_flush_often(rows))
    await run(plan, rows.append, stop)
    flushing.cancel()
    _flush(rows)


async def _flush_often(rows: list[Row]) -> None:
    _say({"ready": True})
    while True:
        await asyncio.sleep(_FLUSH_SECONDS)
        _flush(rows)


def _flush(rows: list[Row]) -> None:
    if rows:
        _say({"rows": [row.wire() for row in rows]})
        rows.clear()


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message, separators=(",", ":")), flush=True)


if __name__ == "__main__":
    main()
