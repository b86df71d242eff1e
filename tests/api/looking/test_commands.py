"""Programs as checks: run in their folder, with an address of the dark side, and gone with all that they started."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3

from flipgate.adapters.forwarder import Behind, Forwarded, forwarding
from flipgate.core.gates.checks import Check
from flipgate.core.spec.git import GitSpec
from flipgate.core.traffic.traffic import DarkSide
from flipgate.core.values.base import but
from flipgate.core.values.errors import LostLease, Refused
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.steps.acting.world import World
from flipgate.steps.looking.commands import command_problems, commands_here, need_commands, run_command
from flipgate.steps.looking.look import look, need_dark
from tests.api.shop import GREEN, Shop
from tests.api.wire import ANSWERED, Answer, Handler, Script, serving


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's folder of commands."""
    home = tmp_path / "commands"
    home.mkdir(mode=0o755)
    monkeypatch.setenv("FLIPGATE_COMMANDS", str(home))
    monkeypatch.setenv("SLACK_TOKEN", "xoxb-1")
    return home


def put(folder: Path, script: str, name: str = "suite") -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def declaring(world: World, **keys: Any) -> Check:
    """The world's application gets this one check."""
    rule = Check.model_validate({"name": "suite", "service": "web", "command": ["suite"], **keys})
    world.application = but(world.application, spec=but(world.application.spec, checks=(rule,)))
    return rule


def ran(
    shop: Shop,
    tmp_path: Path,
    script: Script = lambda _: (200, b"ok"),
    go_on: Callable[[], None] = lambda: None,
    **keys: Any,
) -> Evidence:
    """What the check found, where the API server and the pods behind it are this script."""
    with serving(script, tmp_path) as cluster:
        world = shop.world("ana", cluster)
        rule = declaring(world, **keys)
        return run_command(world, dark_side(shop).side, "r-1", rule, go_on)


def dark_side(shop: Shop) -> DarkSide:
    world = shop.adopted()
    return need_dark(world, look(world))


def test_a_program_asks_the_dark_side_and_its_exit_code_decides(shop: Shop, folder: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    def script(request: Handler) -> Answer:
        asked.append(f"{request.command} {request.path} {request.body.decode()}")
        return 200, b"served"

    put(folder, 'pwd; env | sort; exec curl -s --noproxy "*" -d hello "$FLIPGATE_BASE_URL/orders?a=b%20c&a=d"')
    found = ran(shop, tmp_path, script)
    assert found.verdict is Verdict.PASS, found
    service = f"/api/v1/namespaces/{shop.namespace(GREEN)}/services/web:80/proxy"
    assert asked == [f"POST {service}/orders?a=b%20c&a=d hello"]
    first, *lines = found.output.splitlines()
    assert first == str(folder)
    assert lines[-1] == "served"
    known = {line.partition("=")[0] for line in lines[:-1]} - {"PWD", "SHLVL", "_", "LANG"}
    facts = {"FLIPGATE_SIDE", "FLIPGATE_NAMESPACE", "FLIPGATE_RELEASE", "FLIPGATE_BASE_URL", "FLIPGATE_URL_WEB"}
    assert known == facts | {"PATH", "HOME", "TMPDIR"}
    assert f"FLIPGATE_NAMESPACE={shop.namespace(GREEN)}" in lines
    put(folder, "echo 2 of 40 tests fail >&2; exit 7")
    bad = ran(shop, tmp_path)
    assert bad.verdict is Verdict.FAIL
    assert re.match(r"exit code 7 after \d+\.\d+ s; ", bad.answer)
    assert bad.answer.endswith("it wrote last: 2 of 40 tests fail")


def test_at_its_limit_it_is_killed_with_all_that_it_started(shop: Shop, folder: Path, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    put(folder, f"trap '' TERM; sleep 300 & echo $! > {pids}; echo waiting; wait; sleep 300")
    began = time.monotonic()
    found = ran(shop, tmp_path, timeoutSeconds=3)
    assert time.monotonic() - began < 30
    assert (found.verdict, found.answer) == (Verdict.FAIL, "killed after 3 s, its limit; it wrote last: waiting")
    assert gone(int(pids.read_text()))


def test_what_it_leaves_behind_ends_with_it(shop: Shop, folder: Path, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    put(folder, f"sleep 300 & echo $! > {pids}")
    assert ran(shop, tmp_path).verdict is Verdict.PASS
    assert gone(int(pids.read_text()))


def gone(pid: int) -> bool:
    """Whether a process has ended; who reaps it may take a moment."""
    for _ in range(50):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False


def test_who_may_not_go_on_ends_it(shop: Shop, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost() -> None:
        raise LostLease("taken over")

    monkeypatch.setattr("flipgate.adapters.programs.ASK_SECONDS", 0.0)
    put(folder, "exec sleep 300")
    with pytest.raises(LostLease):
        ran(shop, tmp_path, go_on=lost)


def test_of_much_output_both_ends_are_kept(shop: Shop, folder: Path, tmp_path: Path) -> None:
    put(folder, "echo begins; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo ends")
    found = ran(shop, tmp_path)
    assert found.output.startswith("begins\nxxx")
    assert found.output.endswith("xxx\nends\n")
    assert len(found.output) < 17_000


def test_without_a_folder_or_a_program_nothing_is_run_and_no_release_is_opened(
    imagined: Shop, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = imagined.world()
    declaring(world)
    missing = f"check suite cannot be run: {folder} has no program suite that may be executed"
    assert list(command_problems(world)) == [missing]
    put(folder, "exit 0")
    assert list(command_problems(world)) == []
    folder.chmod(0o777)
    assert "which anybody may write to" in next(command_problems(world))
    monkeypatch.delenv("FLIPGATE_COMMANDS")
    with pytest.raises(Refused, match="this worker runs no commands") as refused:
        need_commands(world)
    assert refused.value.reason == "CommandsNotAllowed"


@contextmanager
def forwarded(script: Script, tmp_path: Path) -> Iterator[tuple[urllib3.HTTPConnectionPool, Forwarded]]:
    with (
        serving(script, tmp_path) as cluster,
        forwarding(cluster, {"web": Behind("green", "web", 80)}) as found,
        urllib3.connection_from_url(found.urls["web"], timeout=10, retries=False) as pool,
    ):
        yield pool, found


def test_method_path_query_body_and_headers_go_on_and_come_back(tmp_path: Path) -> None:
    seen: list[tuple[str, str, bytes, str | None]] = []

    def script(request: Handler) -> Answer | None:
        seen.append((request.command, request.path, request.body, request.headers["X-Case"]))
        request.send_response(201)
        for name, value in (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Served-Side", "green")):
            request.send_header(name, value)
        request.send_header("Content-Length", "4")
        request.end_headers()
        request.wfile.write(b"made")
        return 0, b""

    proxied = "/api/v1/namespaces/green/services/web:80/proxy"
    with forwarded(lambda request: answered(script, request), tmp_path) as (pool, found):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            body = None if method == "GET" else b"{}"
            answer = pool.request(method, "/a%2Fb/c?x=1&y=%26", body=body, headers={"x-case": "7"})
            assert (answer.status, answer.data) == (201, b"made")
            assert answer.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
            assert seen[-1][:2] == (method, f"{proxied}/a%2Fb/c?x=1&y=%26")
            assert seen[-1][3] == "7"
        pool.request("POST", "/", body=iter([b"in ", b"chunks"]), chunked=True)
        assert seen[-1][2] == b"in chunks"
    assert not found.notes


def answered(script: Callable[[Handler], Answer | None], request: Handler) -> Answer:
    script(request)
    return ANSWERED


@pytest.mark.parametrize("path", ["/../../../secrets", "/a/%2e%2e/b", "/%252e%252e/", "/..%2fx", "/a/..\\b", "/."])
def test_no_path_leads_out_of_the_service(tmp_path: Path, path: str) -> None:
    asked: list[str] = []
    with forwarded(lambda request: (asked.append(request.path), (200, b""))[1], tmp_path) as (pool, found):
        assert pool.port
        with socket.create_connection(("127.0.0.1", pool.port), 10) as line:
            line.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert line.recv(12) == b"HTTP/1.1 400"
    assert asked == []
    assert "steps upward" in next(iter(found.notes))


def test_what_speaks_for_another_user_does_not_go_on_and_is_said(tmp_path: Path) -> None:
    names: list[str] = []
    with forwarded(lambda request: (names.extend(request.headers), (200, b""))[1], tmp_path) as (pool, found):
        pool.request(
            "GET", "/", headers={"Authorization": "Bearer x", "Impersonate-User": "admin", "X-Remote-User": "a"}
        )
    assert not {"authorization", "impersonate-user", "x-remote-user"} & {name.lower() for name in names}
    assert len(found.notes) == 3
    assert "header Authorization of its requests did not go on" in next(iter(found.notes))


def test_the_api_servers_own_refusal_is_no_answer_of_the_application(tmp_path: Path) -> None:
    own = b'{"kind": "Status", "status": "Failure", "message": "services \\"web\\" not found"}'
    with forwarded(lambda _: (404, own), tmp_path) as (pool, found):
        assert pool.request("GET", "/health").status == 502
    assert "GET /health did not get through: HTTP 404 from the API server itself" in next(iter(found.notes))


def test_what_is_said_of_a_request_shows_no_secret_of_its(tmp_path: Path) -> None:
    """The program did not print it, and what is said of a check goes to the record, to people and to Prefect."""
    own = b'{"kind": "Status", "status": "Failure", "message": "no way to /login?session=hunter2&token=hunter2"}'
    with forwarded(lambda _: (404, own), tmp_path) as (pool, found):
        pool.request("GET", "/login?session=hunter2&token=hunter2")
    (note,) = found.notes
    assert "GET /login did not get through" in note
    assert "hunter2" not in note


def test_the_addresses_are_gone_with_the_check(tmp_path: Path) -> None:
    asked = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    with (
        forwarded(lambda _: (200, b""), tmp_path) as (pool, over),
        socket.create_connection(("127.0.0.1", pool.port or 0), 10) as kept,
    ):
        kept.sendall(asked)
        assert kept.recv(1024).startswith(b"HTTP/1.1 200")
        over.over = True
        kept.sendall(asked)
        assert kept.recv(1024) == b"", "nor does a connection that was kept lead there"
    with pytest.raises(urllib3.exceptions.HTTPError):
        urllib3.request("GET", f"http://127.0.0.1:{pool.port}/", timeout=5, retries=False)


def test_check_looks_for_the_program_that_opens_merge_requests(imagined: Shop, folder: Path) -> None:
    git = {"repository": "https://git.example/acme/config", "routes": ("a.yaml",), "request": {"command": ("open",)}}
    world = imagined.world()
    spec = world.application.spec.model_copy(update={"git": GitSpec.model_validate(git)})
    world.application = world.application.model_copy(update={"spec": spec})
    missing = f"spec.git.request cannot be run: {folder} has no program open that may be executed"
    assert list(commands_here(world)) == [missing]
    put(folder, "exit 0", "open")
    assert list(commands_here(world)) == []
