"""What a look at a large Git repository costs: bytes fetched and seconds, with the whole tree and with what is needed.

Two repositories are made and served over HTTP on this machine: one of many files and commits, one with a huge file
beside the overlays. Each way begins with nothing, as flipgate does.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from statistics import median

from flipgate.adapters.git import Git
from flipgate.adapters.git_access import Credentials, environment_of_git
from flipgate.adapters.kustomize import render_in
from lab.git.server import GitHandler
from lab.stories.gitops import git

TOKEN = "not-a-real-token"
OVERLAYS = ("app/overlays/blue", "app/overlays/green")
ROUTES = "clusters/routes.yaml"
APPS, FILE_BYTES = 9, 3_000
WHOLE, RENDER = "the whole tree", "both overlays rendered"
LOOK, HEAD = "the routes' file read", "the branch's head asked"


def main() -> int:
    """Measure, and print a table, or with --json one line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.git_costs", description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--commits", type=int, default=200)
    parser.add_argument("--megabytes", type=int, default=200, help="of the file beside the overlays")
    parser.add_argument("--rounds", type=int, default=3, help="of each way but the whole tree; the median is said")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = {
        f"{given.files} files, {given.commits} commits": measure(given.files, given.commits, 0, given.rounds),
        f"a file of {given.megabytes} MB": measure(20, 2, given.megabytes, given.rounds),
    }
    print(json.dumps(found) if given.json else table(found))
    return 0


def measure(files: int, commits: int, megabytes: int, rounds: int) -> dict[str, tuple[float, float]]:
    """Megabytes fetched and seconds by way, in turns. The whole tree, which takes the longest, is fetched once."""
    with tempfile.TemporaryDirectory(prefix="flipgate-bench-") as name:
        folder = Path(name)
        write_repository(folder, files, commits, megabytes)
        with serving(folder) as (url, fetched):
            there = Git(url, "main", Credentials(token=TOKEN))
            ways: dict[str, Callable[[], None]] = {
                WHOLE: partial(whole, there),
                RENDER: partial(rendered, there),
                LOOK: partial(looked, there),
                HEAD: partial(asked, there),
            }
            seen: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
            for number in range(rounds):
                for way, go in [*ways.items()][bool(number) :]:
                    before, began = sum(fetched), time.monotonic()
                    go()
                    seen[way].append(((sum(fetched) - before) / 1e6, time.monotonic() - began))
            return {way: (median(b for b, _ in all_), median(s for _, s in all_)) for way, all_ in seen.items()}


def whole(there: Git) -> None:
    """A shallow clone of the branch, and all files written, as flipgate did once."""
    with (
        tempfile.TemporaryDirectory(prefix="flipgate-bench-") as home,
        environment_of_git(there.address, there.credentials, Path(home)) as environment,
    ):
        for words in (["init"], ["fetch", "--depth=1", there.address, there.branch], ["reset", "--hard", "FETCH_HEAD"]):
            there.run([words[0], "--quiet", *words[1:]], Path(home), environment)


def rendered(there: Git) -> None:
    """What a deploy looks at."""
    with there.checkout() as copy:
        render_in(copy, OVERLAYS)


def looked(there: Git) -> None:
    """What a flip looks at."""
    with there.checkout() as copy:
        copy.read(ROUTES)


def asked(there: Git) -> None:
    """What reconcile asks every five minutes, while nobody has pushed."""
    there.find_head()


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, list[int]]]:
    """The address of the repository in a folder, and how many bytes each answer had."""
    fetched: list[int] = []

    class Counting(GitHandler):
        def _pass_on(self, answer: bytes) -> None:
            fetched.append(len(answer))
            super()._pass_on(answer)

        def log_message(self, *_: object) -> None:
            """Not what this measures."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Counting, folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/config.git", fetched
    finally:
        server.shutdown()
        server.server_close()


def write_repository(folder: Path, files: int, commits: int, megabytes: int) -> None:
    """A bare repository, by `git fast-import`: two overlays of one base, a route, and all that is none of them."""
    (folder / "token").write_text(TOKEN)
    bare = folder / "repositories" / "config.git"
    bare.mkdir(parents=True)
    git(bare, "init", "--quiet", "--bare", "--initial-branch=main")
    git(bare, "config", "uploadpack.allowFilter", "true")
    git(bare, "config", "core.bigFileThreshold", "1m")
    chance = random.Random(1)
    said = {**overlays(), ROUTES: "kind: IngressRoute\n"}
    said |= {f"others/{n // 100}/{n}.yaml": f"# {chance.randbytes(FILE_BYTES // 2).hex()}\n" for n in range(files)}
    importer = ["git", "-C", str(bare), "-c", "core.compression=1", "fast-import", "--quiet"]
    with subprocess.Popen(importer, stdin=subprocess.PIPE) as process:
        assert process.stdin
        write = process.stdin.write
        for number in range(commits):
            head = f"commit refs/heads/main\ncommitter dev <dev@example.test> {1_700_000_000 + number} +0000\n"
            write(f"{head}data 1\nx\n".encode())
            changed = said if not number else {f"others/0/{number % 20}.yaml": f"# change {number}\n"}
            for path, text in changed.items():
                write(f"M 100644 inline {path}\ndata {len(text)}\n{text}\n".encode())
            if megabytes and not number:
                write(f"M 100644 inline videos/huge\ndata {megabytes * 1_000_000}\n".encode())
                for _ in range(megabytes):
                    write(os.urandom(1_000_000))
                write(b"\n")
    if process.returncode:
        raise RuntimeError(f"git fast-import ended with {process.returncode}")


def overlays() -> dict[str, str]:
    """The files of both overlays and of their base."""
    found = {"app/base/kustomization.yaml": f"resources: [{', '.join(f'{n}.yaml' for n in range(APPS))}]\n"}
    for number in range(APPS):
        found[f"app/base/{number}.yaml"] = f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c{number}}}}}\n"
    for folder in OVERLAYS:
        found[f"{folder}/kustomization.yaml"] = f"namespace: {Path(folder).name}\nresources: [../../base]\n"
    return found


def table(found: dict[str, dict[str, tuple[float, float]]]) -> str:
    """Rows of ways, with what each costs beside the whole tree."""
    lines = []
    for repository, ways in found.items():
        lines += ["", f"{repository:30} {'MB fetched':>12} {'of whole':>9} {'seconds':>9} {'of whole':>9}"]
        bytes_of_all, seconds_of_all = ways[WHOLE]
        for way, (megabytes, seconds) in ways.items():
            ratios = f"{megabytes / bytes_of_all:9.4f} {seconds:9.2f} {seconds / seconds_of_all:9.2f}"
            lines.append(f"{way:30} {megabytes:12.3f} {ratios}")
    return "\n".join(lines[1:])


if __name__ == "__main__":
    raise SystemExit(main())
