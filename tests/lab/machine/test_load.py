"""The load generator counts what happened, and forgives nothing."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from lab.app import AppServer, Behaviour, Identity, SampleApp
from lab.load import Load, LoadError
from lab.load.client import Plan, run
from lab.load.tally import Row, Tally
from tests.lab.stage import wait_until


def rows(*facts: tuple[float, str, str]) -> Tally:
    tally = Tally()
    for at, side, failure in facts:
        tally.add(Row(at, 0.002, side, 0 if failure == "closed" else 200, failure))
    return tally


def test_a_report_knows_sides_failures_and_the_way_between_sides() -> None:
    report = rows((1, "blue", ""), (2, "blue", ""), (3, "", "closed"), (4, "green", ""), (5, "green", "")).report()
    assert (report.sent, report.answered, report.failed) == (5, 4, 1)
    assert report.failures_by_kind == {"closed": 1}
    assert report.by_side == {"blue": 2, "green": 2}
    assert report.transitions == ((4, "blue", "green"),)
    assert report.first_answer_after("green", 2) == 4
    assert report.first_answer_after("green", 4.5) == 5
    assert report.first_answer_after("blue", 3) is None
    assert report.last_answer("blue") == 2
    assert report.last_answer("red") is None
    assert report.as_dict()["failures"] == [{"at": 3, "kind": "closed", "channel": "request"}]


def test_memory_is_bounded_and_counts_are_not() -> None:
    tally = Tally(kept_times=100)
    for number in range(1000):
        tally.add(Row(number, 0.001, "blue", 200, ""))
    report = tally.report()
    assert report.by_side == {"blue": 1000}
    assert len(report.times["blue"]) <= 100
    assert report.first_answer_after("blue", 998.5) == 999


def test_percentiles_are_near_the_truth() -> None:
    tally = Tally()
    for number in range(1, 101):
        tally.add(Row(number, number / 1000, "blue", 200, ""))
    shown = tally.report().latency_ms
    assert shown["p50"] == pytest.approx(50, rel=0.2)
    assert shown["p99"] == pytest.approx(99, rel=0.2)
    assert shown["max"] == 100


def answering(reply: Callable[[int], bytes], close: bool = False) -> Callable[[socket.socket], None]:
    """A server's side of one connection: the n-th request is answered with `reply(n)`."""

    def talk(connection: socket.socket) -> None:
        number = 0
        while connection.recv(65536):
            number += 1
            answer = reply(number)
            if not answer:
                return
            connection.sendall(answer)
            if close:
                return

    return talk


@contextlib.contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    talk(connection)

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def load(url: str, seconds: float = 0.2, rate: float | None = 50) -> Tally:
    tally = Tally()

    async def play() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, stop.set)
        await run(Plan(url, "api.example", clients=1, rate=rate), tally.add, stop)

    asyncio.run(play())
    return tally


def ok(extra: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\nX-Served-Side: blue\r\n{extra}Content-Length: 2\r\n\r\nok".encode()


def test_answers_are_counted_by_side_on_one_connection() -> None:
    with listening(answering(lambda number: ok())) as url:
        report = load(url).report()
    assert report.failed == 0
    assert report.by_side["blue"] == report.sent >= 5


@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_gone_route_and_a_server_error_are_failures(status: int) -> None:
    with listening(answering(lambda number: f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())) as url:
        report = load(url, 0.1).report()
    assert report.failures_by_kind == {f"status-{status}": report.sent}


def test_other_refusals_are_answers() -> None:
    with listening(answering(lambda number: b"HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n")) as url:
        assert load(url, 0.1).report().failed == 0


def test_a_connection_closed_under_a_request_is_a_failure() -> None:
    with listening(answering(lambda number: ok() if number < 3 else b"")) as url:
        report = load(url).report()
    assert report.failed >= 1
    assert set(report.failures_by_kind) <= {"closed", "reset"}


def test_an_announced_close_is_none() -> None:
    with listening(answering(lambda number: ok("Connection: close\r\n"), close=True)) as url:
        report = load(url).report()
    assert report.failed == 0
    assert report.sent >= 5


def test_half_an_answer_and_garbage_are_failures() -> None:
    with listening(answering(lambda number: ok()[:-1], close=True)) as url:
        assert set(load(url, 0.1).report().failures_by_kind) == {"cut-off"}
    with listening(answering(lambda number: b"what?\r\n\r\n")) as url:
        assert set(load(url, 0.1).report().failures_by_kind) == {"garbage"}


def test_nobody_there_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert set(load(f"http://127.0.0.1:{port}", 0.1).report().failures_by_kind) == {"refused"}


def test_long_requests_and_websockets_are_counted_apart() -> None:
    tally = Tally()

    async def play() -> None:
        app = SampleApp(Identity("api", "green", "1", "api-0", "sportsdata/api:1"), Behaviour(), lambda line: None)
        server = AppServer(app)
        await server.start("127.0.0.1", [0])
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.3, stop.set)
        url = f"http://127.0.0.1:{server.ports[0]}"
        await run(Plan(url, "x.example", clients=2, rate=20, long=1, long_seconds=0.1, websockets=1), tally.add, stop)
        await server.abort()

    asyncio.run(play())
    report = tally.report()
    assert report.failed == 0
    assert set(report.by_channel) == {"request", "long", "websocket"}


def test_the_generator_is_a_process_that_reports_and_ends() -> None:
    with listening(answering(lambda number: ok())) as url:
        generator = Load(url, "api.example", clients=1, rate=100).start()
        wait_until("five answers", lambda: generator.snapshot().sent >= 5)
        report = generator.stop()
    assert report.failed == 0
    assert report.sent >= 5
    assert report.first_answer_after("blue", 0) is not None
    assert generator.stop().sent == report.sent


def test_a_generator_that_died_gives_no_figures() -> None:
    with listening(answering(lambda number: ok())) as url, Load(url, "api.example", clients=1) as generator:
        assert generator._process is not None
        generator._process.kill()
        generator._process.wait()
        with pytest.raises(LoadError, match="by itself"):
            generator.stop()
