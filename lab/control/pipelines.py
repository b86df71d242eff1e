"""A real Prefect server and worker beside a lab: SQLite, a home of their own, ended with the lab.

Each runs in a process tree of its own (a PID namespace), so that ending it ends the flow runs it started, whatever
they were doing. Who they are is noted in the lab's folder, where `labs.down` finds them.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from lab.control.records import Lab
from lab.machine import locks, paths
from lab.machine.errors import LabError
from lab.machine.processes import Identity
from lab.machine.progress import Progress
from lab.plane import namespaces

POOL = "flipgate"
TEMPLATE = paths.CHECKOUT / "deployments" / "work-pool.json"
"""What a run may choose of how it is started: nothing. A lab may have one of its own (`own_template`)."""
COMMANDS = paths.CHECKOUT / "examples" / "sportsdata" / "commands"
"""What files may have run on the lab's worker: the example's own programs."""
SCHEDULED = "reconcile"
SERVER, WORKER = "prefect-server", "prefect-worker"
SERVER_PATIENCE = 180.0  # seconds; the first start makes the database
WORKER_PATIENCE = 120.0  # seconds until the worker's first heartbeat
SCHEDULER_PATIENCE = 180.0
"""Seconds until the server has scheduled what is deployed: it looks every 5 s, and each minute."""
REMIND = 5.0  # seconds between two lines of progress


@dataclass(frozen=True)
class Pipelines:
    """A Prefect server of the lab's own. `api_url` is what PREFECT_API_URL has to be, `login` (USER:PASSWORD) what
    PREFECT_API_AUTH_STRING has to be: without it any user of the machine could have the worker do what they like."""

    lab: Lab
    api_url: str
    login: str = field(repr=False)

    @property
    def ui_url(self) -> str:
        """Where a person sees the runs."""
        return self.api_url.removesuffix("/api")

    @property
    def login_file(self) -> Path:
        """Where whoever started the lab reads the login, and nobody else."""
        return _login(self.lab)

    def client(self) -> httpx.Client:
        """Its API, logged in."""
        user, _, password = self.login.partition(":")
        return httpx.Client(base_url=self.api_url, auth=(user, password), trust_env=False, timeout=30)

    def env(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment in which a program uses this server and this lab."""
        home = self.lab.dir / "prefect"
        own = {
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": self.api_url,
            "PREFECT_API_AUTH_STRING": self.login,
            "PREFECT_UI_URL": self.ui_url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_CLI_COLORS": "false",
            "DO_NOT_TRACK": "1",
            "KUBECONFIG": str(self.lab.kubeconfig),
            # The pool's command starts a run by the first `python` there is, which has to be one with Prefect.
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
        }
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
        kept |= {"FLIPGATE_COMMANDS": str(_commands(self.lab)), "FLIPGATE_KUSTOMIZE": str(self.lab.kubectl)}
        return {**kept, **own, **(extra or {})}

    def deploy(self) -> None:
        """Creates the work pool, deploys everything in prefect.yaml, and lays out the worker's programs; doing it again
        is fine."""
        _lay_out(_commands(self.lab))
        create = ("work-pool", "create", POOL, "--type", "process", "--overwrite")
        self._prefect(*create, "--base-job-template", str(_template(self.lab)))
        self._prefect("--no-prompt", "deploy", "--all")
        _deployed(self.lab).write_text(_checkout(self.lab))

    def start_worker(self, extra: Mapping[str, str] | None = None) -> None:
        """A worker on the pool, with `extra` in its environment, which its flow runs inherit."""
        command = ["worker", "start", "--pool", POOL, "--name", "flipgate-lab", "--type", "process"]
        _launch(self.lab, WORKER, _prefect_command(*command), self.env(extra))
        if not self._lists(f"/work_pools/{POOL}/workers/filter", {}, WORKER_PATIENCE, status="ONLINE"):
            raise self._late(WORKER, "did not come up", WORKER_PATIENCE)

    def stop(self, which: str) -> None:
        """Ends the server or the worker with everything it started, at once."""
        _end(self.lab.dir, which)

    def start_server(self, tell: Progress) -> None:
        """Starts the server at its address and waits until it answers. It asks everybody for the login, and no page of
        another origin, in a browser on this machine, may read what it says."""
        port = self.api_url.rpartition(":")[2].removesuffix("/api")
        command = _prefect_command("server", "start", "--host", "127.0.0.1", "--port", port)
        (self.lab.dir / "prefect").mkdir(exist_ok=True)
        own = {"PREFECT_SERVER_API_AUTH_STRING": self.login, "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": self.ui_url}
        keeper = _launch(self.lab, SERVER, command, self.env(own))
        _wait(self.api_url, keeper, self.lab.dir / "logs" / f"{SERVER}.log", tell)
        _address(self.lab).write_text(self.api_url)
        self.login_file.touch(mode=0o600)
        self.login_file.write_text(self.login)
        _locked(self.lab).write_text(_packages())

    def need_scheduler(self) -> None:
        """Waits until the server's own scheduler has made a run of what was just deployed on a schedule: reconcile.

        Where the scheduler fails, everything else works, and nothing but the server's log says so. Raises LabError.
        """
        due = {
            "state": {"type": {"any_": ["SCHEDULED"]}},
            "expected_start_time": {"after_": datetime.now(UTC).isoformat()},
        }
        body = {"deployments": {"name": {"any_": [SCHEDULED]}}, "flow_runs": due}
        if not self._lists("/flow_runs/filter", body, SCHEDULER_PATIENCE, auto_scheduled=True):
            raise self._late(SERVER, f"scheduled no run of {SCHEDULED}", SCHEDULER_PATIENCE)

    def _prefect(self, *arguments: str) -> None:
        command = _prefect_command(*arguments)
        answer = subprocess.run(command, cwd=paths.CHECKOUT, env=self.env(), capture_output=True, text=True)
        if answer.returncode:
            said = (answer.stdout + answer.stderr).strip()[-2000:]
            raise LabError(f"`prefect {' '.join(arguments)}` failed with exit code {answer.returncode}:\n{said}")

    def _lists(self, path: str, body: Mapping[str, object], patience: float, **fact: object) -> bool:
        """Whether the server comes to list something of which this is so, within `patience` seconds."""
        deadline = time.monotonic() + patience
        with self.client() as client:
            while time.monotonic() < deadline:
                found = client.post(path, json=body)
                if found.is_success and any(fact.items() <= each.items() for each in found.json()):
                    return True
                time.sleep(0.2)
        return False

    def _late(self, which: str, what: str, patience: float) -> LabError:
        log = self.lab.dir / "logs" / f"{which}.log"
        return LabError(f"The {which.replace('prefect-', 'Prefect ')} {what} within {patience:.0f} s: see {log}")


def up(lab: Lab, tell: Progress) -> Pipelines:
    """The lab's server with everything deployed, and a worker: as they run already, else started.

    Raises:
        LabError: Something did not come up; its log is named.
    """
    with locks.held(paths.lock_file(lab.name), f"another start or end of lab {lab.name}", tell):
        return find(lab) or _start(lab, tell)


def _start(lab: Lab, tell: Progress) -> Pipelines:
    pipelines = start_server(lab, tell)
    tell("Prefect: deploying the pipelines")
    pipelines.deploy()
    tell("Prefect: starting a worker")
    pipelines.start_worker()
    pipelines.need_scheduler()
    return pipelines


def start_server(lab: Lab, tell: Progress) -> Pipelines:
    """A server with nothing on it. Raises LabError, naming its log, when it does not come up."""
    login = f"flipgate:{secrets.token_urlsafe(24)}"
    pipelines = Pipelines(lab, f"http://127.0.0.1:{_free_port()}/api", login)
    tell("Prefect: starting the server (20 s the first time)")
    pipelines.start_server(tell)
    return pipelines


def find(lab: Lab) -> Pipelines | None:
    """The lab's server, if it answers and its worker runs; deployed again when the checkout's flows have changed since.

    Raises:
        LabError: They could not be deployed.
    """
    pipelines = find_server(lab)
    if pipelines is None or not _running(lab.dir, WORKER):
        return None
    if not _deployed(lab).exists() or _deployed(lab).read_text() != _checkout(lab):
        pipelines.deploy()
    return pipelines


def find_server(lab: Lab) -> Pipelines | None:
    """The lab's server, if it runs and answers, whatever is on it. One that was started with other packages than are
    locked now is none: what it does is no longer what will be done."""
    with suppress(OSError, httpx.TransportError):
        if _locked(lab).read_text() != _packages():
            return None
        pipelines = Pipelines(lab, _address(lab).read_text(), _login(lab).read_text())
        health = httpx.get(f"{pipelines.api_url}/health", trust_env=False, timeout=10)
        if health.status_code == httpx.codes.OK and _running(lab.dir, SERVER):
            return pipelines
    return None


def own_template(lab: Lab) -> Path:
    """Where a lab keeps a template of its own for the work pool, in the place of the shipped one. It is a file, not an
    argument: another program that finds this server deploys by it too."""
    return lab.dir / "prefect" / "work-pool.json"


def end_all(folder: Path) -> None:
    """Ends whatever of this was started for the lab in `folder`. No-op if nothing runs."""
    for which in (WORKER, SERVER):
        _end(folder, which)


def _prefect_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "prefect", *arguments]


def _launch(lab: Lab, which: str, command: list[str], env: Mapping[str, str]) -> Identity:
    _end(lab.dir, which)
    apart = [word for word in namespaces.permitted() if word != "--net"]
    log = lab.dir / "logs" / f"{which}.log"
    keeper = namespaces.start([*apart, *command], log, env=env)
    _note(lab.dir, which).write_text(json.dumps(asdict(keeper)))
    return keeper


def _end(folder: Path, which: str) -> None:
    with suppress(OSError, ValueError, TypeError):
        namespaces.end(Identity(**json.loads(_note(folder, which).read_text())))
        _note(folder, which).unlink()


def _running(folder: Path, which: str) -> bool:
    with suppress(OSError, ValueError, TypeError):
        return Identity(**json.loads(_note(folder, which).read_text())).alive()
    return False


def _note(folder: Path, which: str) -> Path:
    return folder / f"{which}.json"


def _address(lab: Lab) -> Path:
    return lab.dir / "prefect" / "lab-api-url"


def _login(lab: Lab) -> Path:
    return lab.dir / "prefect" / "lab-login"


def _deployed(lab: Lab) -> Path:
    return lab.dir / "prefect" / "lab-deployed"


def _locked(lab: Lab) -> Path:
    return lab.dir / "prefect" / "lab-locked"


def _packages() -> str:
    """What the server runs on: Prefect, and all that it stands on."""
    return hashlib.sha256((paths.CHECKOUT / "uv.lock").read_bytes()).hexdigest()


def _commands(lab: Lab) -> Path:
    """The worker's folder of programs: the example's, and beside them the database that they migrate."""
    return lab.dir / "commands"


def _lay_out(folder: Path) -> None:
    """The example's programs, as links, and its database as it was before the first release, where there is none yet.

    Raises LabError.
    """
    folder.mkdir(exist_ok=True)
    for program in COMMANDS.iterdir():
        link = folder / program.name
        link.unlink(missing_ok=True)
        link.symlink_to(program)
    made = subprocess.run([str(folder / "migrate"), "create"], cwd=folder, capture_output=True, text=True)
    if made.returncode:
        raise LabError(f"the example's database could not be made: {made.stderr.strip()[-1000:]}")


def _template(lab: Lab) -> Path:
    own = own_template(lab)
    return own if own.exists() else TEMPLATE


def _checkout(lab: Lab) -> str:
    """What the deployments are made of: prefect.yaml, the pool's template, the flows for their parameters, and the
    worker's programs."""
    folders = sorted([*(paths.CHECKOUT / "flows").glob("*.py"), *COMMANDS.iterdir()])
    files = [paths.CHECKOUT / "prefect.yaml", _template(lab), *folders]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


def _wait(api_url: str, keeper: Identity, log: Path, tell: Progress) -> None:
    began = told = time.monotonic()
    while True:
        with suppress(httpx.TransportError):
            if httpx.get(f"{api_url}/health", trust_env=False).status_code == httpx.codes.OK:
                return
        now = time.monotonic()
        if not keeper.alive() or now - began > SERVER_PATIENCE:
            raise LabError(f"The Prefect server did not come up within {now - began:.0f} s: see {log}")
        if now - told > REMIND:
            told = now
            tell(f"Prefect: still starting the server, {now - began:.0f} s")
        time.sleep(0.1)
