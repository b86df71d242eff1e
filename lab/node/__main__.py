"""`python -m lab.node`: the lab's node agent. Runs inside the lab's network namespace until it is told to end."""

import argparse
import asyncio
import contextlib
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from lab.node.agent import KUBELET_PORT, Agent
from lab.node.kube import Kube
from lab.node.server import server
from lab.node.world import World


def main() -> None:
    arguments = _arguments()
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_run(arguments))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.node", description="Plays the kubelet of the lab's node.")
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--node", default="lab-node-1", help="the node's name (default: %(default)s)")
    parser.add_argument("--address", default="10.244.0.1", help="the node's own address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=KUBELET_PORT, help="the kubelet port (default: %(default)s)")
    parser.add_argument("--bin", type=Path, help="folder of programs that containers' commands find first")
    parser.add_argument("--volumes", type=Path, required=True, help="folder of the volumes that outlive their pods")
    parser.add_argument("--cert", required=True, help="TLS certificate of the kubelet port")
    parser.add_argument("--key", required=True, help="its key")
    return parser.parse_args()


async def _run(arguments: argparse.Namespace) -> None:
    kube = Kube.from_kubeconfig(arguments.kubeconfig)
    with tempfile.TemporaryDirectory(prefix="flipgate-node-") as folder:
        world = World(kube, arguments.node, arguments.address, Path(folder), _log, arguments.bin, arguments.volumes)
        agent = Agent(world)
        endpoint = server(agent, arguments.address, arguments.port, arguments.cert, arguments.key)
        tasks = [asyncio.create_task(agent.run()), asyncio.create_task(endpoint._serve())]
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        failed = [task for task in tasks if task.done()]
        await agent.kill()
        for task in (*tasks, stopping):
            task.cancel()
        await asyncio.gather(*tasks, stopping, return_exceptions=True)
        await kube.close()
        for task in failed:
            task.result()


def _log(message: str) -> None:
    print(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
