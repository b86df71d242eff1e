"""`python -m lab.git`, in a pod: repositories over HTTP on one port, archives of their commits on another."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lab.git.publisher import Publisher
from lab.git.server import GitHandler

LOOK_SECONDS = 0.2
"""Between two looks at the branches; source-controller would have them by a webhook, or within its interval."""


def main() -> int:
    """Serve until asked to end; the command line comes from lab/manifests/flux.yaml."""
    parser = argparse.ArgumentParser(prog="python -m lab.git", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--git-port", type=int, required=True)
    parser.add_argument("--artifacts-port", type=int, required=True)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    archives = partial(SimpleHTTPRequestHandler, directory=str(given.folder / "artifacts"))
    for port, handler in ((given.git_port, partial(GitHandler, given.folder)), (given.artifacts_port, archives)):
        server = ThreadingHTTPServer((given.address, port), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    publisher = Publisher(given.folder, given.kubeconfig, f"http://{given.address}:{given.artifacts_port}")
    while True:
        publisher.look()
        time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    main()
