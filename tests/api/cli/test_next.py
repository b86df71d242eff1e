"""What `flipgate status` offers as next works when it is typed: in each state that a record, the routes and the sides
can be in, whoever died where."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flipgate.adapters.cluster import Cluster
from flipgate.cli import _options
from flipgate.core.record import record as records
from flipgate.core.record.intents import BRING_UP, HAND_OVER, MOVE_ROUTES, REST_SIDE
from flipgate.core.record.occupant import Contract, Occupant
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Decision, Record
from flipgate.core.record.release import Release, Stopped
from flipgate.core.traffic.preview import PREVIEW_ROUTE
from flipgate.core.values.base import but
from lab.control.records import Lab
from tests.api.desk import Desk, now, question, release
from tests.api.played import PlayedPrefect, played, prefect_played
from tests.api.shop import BLUE, COUNTS, GREEN, IMAGES, Shop, meanwhile
from tests.core.builders import approval

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

PATHS = {
    Phase.DEPLOYING: (Phase.DEPLOYING,),
    Phase.DARK: (Phase.DEPLOYING, Phase.DARK),
    Phase.FLIPPING: (Phase.DEPLOYING, Phase.DARK, Phase.FLIPPING),
    Phase.BAKING: (Phase.DEPLOYING, Phase.DARK, Phase.FLIPPING, Phase.BAKING),
    Phase.LIVE: (Phase.DEPLOYING, Phase.DARK, Phase.FLIPPING, Phase.BAKING, Phase.LIVE),
}
PATHS[Phase.SETTLING] = (*PATHS[Phase.LIVE], Phase.SETTLING)
PATHS[Phase.ROLLING_BACK] = (*PATHS[Phase.LIVE], Phase.ROLLING_BACK)
PATHS[Phase.ROLLED_BACK] = (*PATHS[Phase.ROLLING_BACK], Phase.ROLLED_BACK)
ON_GREEN = frozenset({Phase.BAKING, Phase.LIVE, Phase.SETTLING})
STAMPS = {
    None: {BLUE: 3, GREEN: 2},
    Phase.ROLLING_BACK: {BLUE: 3, GREEN: 3},
    Phase.ROLLED_BACK: {BLUE: 3, GREEN: 3},
}
"""The epochs on both sides: the side that is brought up has a later one, and a rollback stamps both."""
STEPS = (MOVE_ROUTES, BRING_UP, HAND_OVER, REST_SIDE, PREVIEW_ROUTE)
ROUTES = ("recorded", "other", "split", "missing", "elsewhere")
QUESTIONS = ("none", "open", "approved", "stopped", "rejected", "expired", "withdrawn")
OLD_SIDES = ("left", "contracted", "never ran", "at rest")
RECORDS = ("readable", "garbled", "none")


@dataclass(frozen=True)
class State:
    """What a person may find at any hour. `phase` None: no release is open."""

    phase: Phase | None = None
    step: str | None = None
    routes: str = "recorded"
    asked: str = "none"
    old: str = "left"
    record: str = "readable"
    soaked: bool = True
    back: bool = False

    def __str__(self) -> str:
        """What is not as usual."""
        facts = asdict(self).items()
        return " ".join(str(value) for name, value in facts if value != getattr(State, name)) or "usual"


STATES = st.builds(
    State,
    phase=st.sampled_from([None, *PATHS]),
    step=st.sampled_from([None, None, *STEPS]),
    routes=st.sampled_from(["recorded", "recorded", *ROUTES]),
    asked=st.sampled_from(QUESTIONS),
    old=st.sampled_from(["left", *OLD_SIDES]),
    record=st.sampled_from(["readable", "readable", *RECORDS]),
    soaked=st.booleans(),
    back=st.booleans(),
)

KNOWN = (
    # Advice that was refused, or led the wrong way.
    State(Phase.ROLLED_BACK, record="garbled"),
    State(Phase.DARK, record="garbled"),
    State(Phase.LIVE, record="garbled"),
    State(Phase.LIVE, record="garbled", old="at rest"),
    State(Phase.LIVE, record="garbled", routes="split"),
    State(record="none", routes="split"),
    State(record="none", routes="missing"),
    State(routes="other"),
    State(routes="split"),
    State(routes="missing"),
    State(routes="elsewhere"),
    State(Phase.DARK, routes="other"),
    State(Phase.DARK, routes="other", old="never ran"),
    State(Phase.LIVE, routes="other"),
    State(Phase.LIVE, routes="other", old="contracted"),
    State(Phase.SETTLING, routes="other"),
    State(Phase.ROLLED_BACK, routes="other"),
    State(Phase.FLIPPING, old="contracted"),
    State(Phase.FLIPPING, old="never ran"),
    State(Phase.BAKING, old="contracted"),
    State(Phase.SETTLING, old="contracted"),
    State(Phase.SETTLING, old="never ran"),
    State(Phase.ROLLING_BACK),
    State(Phase.FLIPPING, step=MOVE_ROUTES, routes="missing"),
    State(Phase.FLIPPING, step=MOVE_ROUTES, routes="split"),
    State(step=MOVE_ROUTES, back=True),
    *(State(phase, asked=asked) for phase in (Phase.DARK, Phase.LIVE) for asked in ("open", "stopped", "withdrawn")),
)


class Clerk:
    """Brings a shop into a state, asks what is next, and types it."""

    def __init__(self, desk: Desk, state: State, prefect: PlayedPrefect) -> None:
        self.desk, self.shop, self.state, self.prefect = desk, desk.shop, state, prefect
        phase = state.phase
        self.active = GREEN if phase in ON_GREEN or (phase is Phase.ROLLING_BACK and not state.back) else BLUE

    def stand(self) -> None:
        """The state, built directly."""
        shop, state = self.shop, self.state
        shop.add_namespace(shop.own)
        up = {BLUE: COUNTS, GREEN: dict.fromkeys(COUNTS, 0)}
        if state.phase and state.phase is not Phase.DEPLOYING:
            up[GREEN] = {**COUNTS, "mailer": 0}
        if state.old == "at rest":
            up[BLUE] = {**COUNTS, "web": 0}
        epochs = {} if state.record == "none" else STAMPS.get(state.phase, {BLUE: 2, GREEN: 3})
        for side, counts in up.items():
            shop.add_namespace(shop.namespace(side))
            for name, count in counts.items():
                stamped = {"flipgate.dev/epoch": str(epochs[side])} if epochs and name == "web" else {}
                shop.add_deployment(side, name, count, **stamped)
        self._point()
        shop.write_down()
        if state.record != "none":
            self.desk.store.create(self._record())
        if state.record == "garbled":
            shop.write_record("garbled")

    def _point(self) -> None:
        side = self.active.other if self.state.routes == "other" else self.active
        if self.state.routes != "missing":
            self.shop.add_route("live", *((BLUE, GREEN) if self.state.routes == "split" else (side,)))
        if self.state.routes == "elsewhere":
            self.shop.point("live", "somewhere-else")

    def _record(self) -> Record:
        state, at = self.state, now()
        done = Contract(reason="legacy_id is gone", by="ana", at=at) if state.old == "contracted" else None
        blue = Occupant(images={} if state.old == "never ran" else IMAGES, replicas=COUNTS, since=at, contracted=done)
        sides = {BLUE: blue, GREEN: Occupant(images=IMAGES, replicas=COUNTS, since=at)}
        opened = self._release() if state.phase else None
        record = Record(application=self.shop.name, epoch=3, active=self.active, sides=sides, release=opened)
        if opened:
            record = self._asked(record, opened)
        if state.step:
            to, home = (BLUE, GREEN) if state.back else (GREEN, BLUE)
            intent = {"to": str(to), "from": str(home), "side": str(GREEN)}
            if state.back:
                intent["direction"] = "back"
            record, _ = records.begin(record, state.step, "dead", at, intent)
        return record

    def _release(self) -> Release:
        assert self.state.phase
        due = now() + timedelta(hours=-1 if self.state.soaked else 1)
        return release(*PATHS[self.state.phase], settle_after=due, images=IMAGES, wanted=COUNTS)

    def _asked(self, record: Record, opened: Release) -> Record:
        phase, asked, at = opened.phase, self.state.asked, now()
        kind = {Phase.DARK: QuestionKind.FLIP, Phase.LIVE: QuestionKind.SCALE_DOWN}.get(phase)
        if kind is None or asked == "none" or (phase is Phase.LIVE and not self.state.soaked):
            return record
        over = asked == "expired"
        times = {"asked_at": at - timedelta(hours=2), "expires_at": at + timedelta(hours=-1 if over else 1)}
        posed = question(kind=kind, release=opened.name, **times)
        decision = {"approved": Decision.APPROVE, "stopped": Decision.APPROVE, "rejected": Decision.REJECT}.get(asked)
        answer = {"question": posed.id, "kind": kind, "basis": posed.basis, "at": at - timedelta(minutes=5)}
        given = decision and approval(decision=decision, **answer)
        if asked in ("stopped", "withdrawn"):
            pipeline = "flip-traffic" if kind is QuestionKind.FLIP else "scale-down"
            why: dict[str, Any] = {"reason": "CannotSee", "fact": "no replica shows blue", "at": at}
            stop = Stopped(pipeline=pipeline, question=posed.id, withdrawn=asked == "withdrawn", **why)
            opened = but(opened, stopped=stop)
        if asked == "withdrawn":
            return but(record, release=opened)
        return but(record, release=opened, question=posed, approval=given)

    def look(self) -> dict[str, Any]:
        return dict(json.loads(self.desk.run("status", self.shop.name, "-o", "json").stdout))

    def type(self, command: str) -> None:
        """Raises AssertionError when it is refused."""
        for line in command.split(" && "):
            words = [word.replace("NAME=REF", "web=shop/web:9") for word in shlex.split(line)]
            {"flipgate": self._flipgate, "prefect": self._prefect, "kubectl": self._kubectl}[words[0]](words[1:])

    def _flipgate(self, words: list[str]) -> None:
        assert words[0] != "status", "what status offers is no status"
        result = self.desk.run(*words)
        # Users are back, and a person is told what is left: workers, without a record.
        back = result.exit_code == 1 and "unrecorded" in result.output and "left to you: workers" in result.output
        assert result.exit_code == 0 or back, result.output
        started = {"deploy": "deploy-dark", "flip": "flip-traffic", "scale-down": "scale-down"}.get(words[0])
        assert started is None or self.prefect.of(started), "no run was started"

    def _prefect(self, words: list[str]) -> None:
        run = ["deployment", "run", "reconcile/reconcile", "--param", f"application={self.shop.name}"]
        assert words == run
        world = self.shop.helped("reconcile")
        with played(world) as flows:
            flows.reconcile(world, "default")

    def _kubectl(self, words: list[str]) -> None:
        assert words[0] == "-n"
        place, verb, kinds, *names = words[1:]
        if verb == "scale":
            workload = f"/apis/apps/v1/namespaces/{place}/{kinds.replace('/', 's/')}"
            count = int(names[-1].removeprefix("--replicas="))
            self.shop.cluster.merge(workload, {"spec": {"replicas": count}})
            return
        homes = {"configmap": "/api/v1", "ingressroutes": "/apis/traefik.io/v1alpha1", "deployments": "/apis/apps/v1"}
        home = f"{homes[kinds.partition('.')[0]]}/namespaces/{place}/{kinds.partition('.')[0].rstrip('s')}s"
        if verb == "patch":
            patch = next(word for word in names if word.startswith("-p=")).removeprefix("-p=")
            self.shop.cluster.patch(f"{home}/{names[0]}", json.loads(patch))
            return
        assert verb == "get"
        self.shop.cluster.get(f"{home}/{names[0]}" if names and names[0] != "-o" else home)


DeskOf = Callable[[State], Clerk]


@pytest.fixture(scope="module")
def desk_of(cluster: Cluster, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskOf]:
    """A clerk at a shop of its own in a state. Nobody there waits long, and what is asked for gets Ready meanwhile."""
    folder = tmp_path_factory.mktemp("desk")
    with pytest.MonkeyPatch.context() as patched, prefect_played(folder / "prefect") as prefect:
        opens = _options.ClusterOptions.world

        def clerk(state: State) -> Clerk:
            shop = Shop.named(cluster, lab.kubeconfig)
            prefect.runs.clear()

            def quick(self: Any, *args: Any, **more: Any) -> Any:
                return meanwhile(opens(self, *args, **more), shop.play_all_ready)

            patched.setattr(_options.ClusterOptions, "world", quick)
            made = Clerk(Desk(shop, folder), state, prefect)
            made.stand()
            return made

        yield clerk


def check(desk_of: DeskOf, state: State) -> None:
    clerk = desk_of(state)
    told = clerk.look()
    command = told["next"]["command"]
    if not command:
        assert told["next"]["by"] != "person", told["next"]
        return
    clerk.type(command)
    if (told["drift"] and not command.startswith("kubectl")) or "patch" in command:
        assert clerk.look()["drift"] is None, "it settles the drift"
    if told["openEntry"] and command.startswith("prefect"):
        assert clerk.look()["openEntry"] is None, "it settles the step"


FIRST = {
    State(Phase.DARK, record="garbled"),
    State(Phase.LIVE, record="garbled", routes="split"),
    State(record="none", routes="missing"),
    State(routes="other"),
    State(routes="elsewhere"),
    State(Phase.DARK, routes="other"),
    State(Phase.LIVE, routes="other", old="contracted"),
    State(Phase.SETTLING, old="contracted"),
    State(Phase.ROLLING_BACK),
    State(Phase.FLIPPING, step=MOVE_ROUTES, routes="split"),
    State(Phase.DARK, asked="stopped"),
    State(Phase.LIVE, asked="withdrawn"),
}
"""One of each kind, for the inner loop; the others are lived through with the random ones."""


@pytest.mark.parametrize(
    "state", [pytest.param(each, id=str(each), marks=() if each in FIRST else pytest.mark.search) for each in KNOWN]
)
def test_next_works_where_it_once_was_refused(desk_of: DeskOf, state: State) -> None:
    check(desk_of, state)


@pytest.mark.search
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(state=STATES)
def test_next_works_in_any_state(desk_of: DeskOf, state: State) -> None:
    check(desk_of, state)
