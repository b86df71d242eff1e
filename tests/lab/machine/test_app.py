"""The sample application: how it is told to misbehave, what it answers, how it leaves."""

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable

import httpx
import pytest
from websockets.asyncio.client import connect

from lab.app import AppServer, Behaviour, Identity, SampleApp, behaviour_of, parse_behaviours, parse_image
from lab.app.behaviour import seconds_of
from tests.lab.machine.one_pod import until

IDENTITY = Identity("api", "blue", "1.2", "api-0", "sportsdata/api:1.2")
Scenario = Callable[[AppServer, httpx.AsyncClient, list[str]], Awaitable[None]]


def serve(scenario: Scenario, behaviour: Behaviour = Behaviour()) -> None:  # noqa: B008
    """Run a scenario against a listening application."""
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reading the machine's authorities takes longer than a test

    async def play() -> None:
        lines: list[str] = []
        server = AppServer(SampleApp(IDENTITY, behaviour, lines.append))
        await server.start("127.0.0.1", [0])
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{server.ports[0]}", trust_env=False, verify=plain
        ) as client:
            await scenario(server, client, lines)
        await server.abort()

    asyncio.run(play())


@pytest.mark.parametrize(
    ("name", "service", "version", "words"),
    [
        ("sportsdata/api:1.4.2", "api", "1.4.2", ()),
        ("registry:5000/sportsdata/api", "api", "latest", ()),
        ("sportsdata/api:2.0-rc1-never-ready", "api", "2.0-rc1", ("never-ready",)),
        ("sportsdata/api:2-slow-500ms-errors-10pct", "api", "2", ("slow-500ms", "errors-10pct")),
        ("sportsdata/api:2-crash@sha256:00ff", "api", "2", ("crash",)),
    ],
)
def test_an_image_name_tells_service_version_and_behaviour(
    name: str, service: str, version: str, words: tuple[str, ...]
) -> None:
    image = parse_image(name)
    assert (image.service, image.version, image.words, image.is_sample) == (service, version, words, True)


def test_only_the_sample_repositories_are_the_sample_application() -> None:
    assert not parse_image("docker.io/library/nginx:1").is_sample


def test_words_make_one_behaviour_and_unknown_ones_are_kept() -> None:
    assert parse_behaviours(["slow-500ms", " errors-10pct", "sleepy", ""]) == Behaviour(
        slow_seconds=0.5, errors_percent=10, unknown=("sleepy",)
    )


def test_an_annotation_replaces_the_tag_and_an_empty_one_heals() -> None:
    image = parse_image("sportsdata/api:2-never-ready")
    assert behaviour_of(image, {}).never_ready
    assert behaviour_of(image, {"lab.flipgate.dev/behaviour": "crash"}) == Behaviour(crash=True)
    assert behaviour_of(image, {"lab.flipgate.dev/behaviour": ""}) == Behaviour()


@pytest.mark.parametrize(("text", "seconds"), [("0.5", 0.5), ("0", 0.0), ("soon", 2.0), ("-1", 2.0), ("inf", 2.0)])
def test_a_senseless_number_of_seconds_is_the_default(text: str, seconds: float) -> None:
    assert seconds_of({"a": text}, "a", 2.0) == seconds


def test_each_answer_tells_who_gave_it() -> None:
    async def scenario(server: AppServer, client: httpx.AsyncClient, lines: list[str]) -> None:
        for path in ("/", "/players/7", "/health", "/health/ready", "/metrics"):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert answer.headers["x-served-side"] == "blue"
            assert answer.headers["x-served-pod"] == "api-0"
            assert answer.headers["x-served-image"] == "sportsdata/api:1.2"
        assert (await client.get("/")).json() == {"service": "api", "side": "blue", "version": "1.2", "pod": "api-0"}
        health = (await client.get("/health")).json()
        assert (health["status"], {each["status"] for each in health["checks"]}) == ("Healthy", {"Healthy"})
        assert (await client.get("/api/venues?page=2")).json()["links"] == {"self": "/api/venues"}

    serve(scenario)


def test_never_ready_is_alive_and_becomes_ready_when_healed() -> None:
    async def scenario(server: AppServer, client: httpx.AsyncClient, lines: list[str]) -> None:
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/health/ready")).status_code == 503
        server.app.behaviour = Behaviour()
        assert (await client.get("/health/ready")).status_code == 200

    serve(scenario, Behaviour(never_ready=True))


def test_a_dependency_that_is_down_is_said_and_keeps_nothing_from_being_ready() -> None:
    async def scenario(server: AppServer, client: httpx.AsyncClient, lines: list[str]) -> None:
        health = (await client.get("/health")).json()
        assert health["status"] == "Degraded"
        assert {each["name"]: each["status"] for each in health["checks"]}["ServiceBus"] == "Unhealthy"
        assert (await client.get("/health/ready")).status_code == 200

    assert parse_behaviours(parse_image("sportsdata/api:2-bus-down").words) == Behaviour(bus_down=True)
    serve(scenario, Behaviour(bus_down=True))


def test_errors_come_at_their_rate_are_logged_and_counted_and_spare_the_probes() -> None:
    async def scenario(server: AppServer, client: httpx.AsyncClient, lines: list[str]) -> None:
        codes = [(await client.get("/")).status_code for _ in range(20)]
        assert codes.count(500) == 2
        assert sum("level=error" in line for line in lines) == 2
        assert (await client.get("/health/ready")).status_code == 200
        text = (await client.get("/metrics")).text
        assert 'http_requests_total{code="500",handler="app",method="GET"} 2' in text
        assert "http_request_duration_seconds_count 20" in text
        assert "http_requests_in_flight 0" in text

    serve(scenario, Behaviour(errors_percent=10))


def test_errors_are_counted_from_nothing_on() -> None:
    async def scenario(server: AppServer, client: httpx.AsyncClient, lines: list[str]) -> None:
        assert 'http_requests_total{code="500",handler="app",method="GET"} 0' in (await client.get("/metrics")).text

    serve(scenario)


def test_what_is_open_is_counted_while_it_is_open() -> None:
    async def scenario(server: AppServer, client: httpx.AsyncClient, lines: list[str]) -> None:
        long = asyncio.create_task(client.get("/slow?seconds=3"))
        async with connect(f"ws://127.0.0.1:{server.ports[0]}/ws", proxy=None):
            text = (await client.get("/metrics")).text
            assert "http_requests_in_flight 1" in text
            assert "websocket_connections_open 1" in text
        await long
        text = (await client.get("/metrics")).text
        assert "http_requests_in_flight 0" in text
        assert 'http_request_duration_seconds_bucket{le="0.1"} 0' in text
        assert 'http_request_duration_seconds_bucket{le="10.0"} 1' in text

    serve(scenario)


def test_a_websocket_echoes_and_tells_its_side() -> None:
    async def scenario(server: AppServer, client: httpx.AsyncClient, lines: list[str]) -> None:
        async with connect(f"ws://127.0.0.1:{server.ports[0]}/ws", proxy=None) as socket:
            assert socket.response is not None
            assert socket.response.headers["X-Served-Side"] == "blue"
            await socket.send("hello")
            assert await socket.recv() == "hello"
            assert server.app.busy == 1

    serve(scenario)


def test_draining_announces_then_finishes_what_is_open_then_refuses() -> None:
    async def scenario(server: AppServer, client: httpx.AsyncClient, lines: list[str]) -> None:
        long = asyncio.create_task(client.get("/slow?seconds=3"))
        async with connect(f"ws://127.0.0.1:{server.ports[0]}/ws", proxy=None) as socket:
            await until(lambda: server.app.busy == 2)
            draining = asyncio.create_task(server.drain(1, 30))
            await asyncio.sleep(0.05)
            announced = await client.get("/")
            assert (announced.status_code, announced.headers["connection"]) == (200, "close")
            await asyncio.sleep(1.5)
            with pytest.raises(httpx.ConnectError):
                await client.get("/")
            await socket.send("still here")
            assert await socket.recv() == "still here"
            assert (await long).status_code == 200
            assert not draining.done()
        await asyncio.wait_for(draining, 30)

    serve(scenario)


def test_draining_ends_at_the_end_of_the_grace() -> None:
    async def scenario(server: AppServer, client: httpx.AsyncClient, lines: list[str]) -> None:
        long = asyncio.create_task(client.get("/slow?seconds=30"))
        await until(lambda: server.app.busy == 1)
        await asyncio.wait_for(server.drain(0.0, 0.1), 20)
        with pytest.raises(httpx.RemoteProtocolError):
            await long

    serve(scenario)


def test_draining_serves_on_while_users_still_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet_seconds = 1.0  # longer than a busy machine keeps this process waiting between two questions
    monkeypatch.setattr("lab.app.server.QUIET_SECONDS", quiet_seconds)

    async def scenario(server: AppServer, client: httpx.AsyncClient, lines: list[str]) -> None:
        draining, began = asyncio.create_task(server.drain(quiet_seconds, 60)), time.monotonic()
        while time.monotonic() < began + 1.5 * quiet_seconds:
            assert (await client.get("/")).status_code == 200
        await asyncio.wait_for(draining, 30)
        with pytest.raises(httpx.ConnectError):
            await client.get("/")

    serve(scenario)


def test_an_address_that_is_taken_is_an_error() -> None:
    async def scenario(server: AppServer, client: httpx.AsyncClient, lines: list[str]) -> None:
        other = AppServer(SampleApp(IDENTITY, Behaviour(), lines.append))
        with pytest.raises(OSError, match="in use"):
            await other.start("127.0.0.1", server.ports)

    serve(scenario)


def test_the_body_is_json_as_announced() -> None:
    async def scenario(server: AppServer, client: httpx.AsyncClient, lines: list[str]) -> None:
        answer = await client.get("/")
        assert answer.headers["content-type"] == "application/json"
        assert json.loads(answer.content)["version"] == "1.2"

    serve(scenario)
