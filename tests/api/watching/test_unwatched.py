"""Reconcile's last success on a real API server: noted, judged by everybody else, and told once an outage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.adapters.store import Store
from flipgate.core.record.conditions import condition_of
from flipgate.core.record.record import Condition, Record, announce
from flipgate.core.values.errors import Conflict, PermanentError, Refused, Unreachable
from flipgate.core.way_back.unwatched import OVERDUE, UNWATCHED, Reconciled
from flipgate.steps.acting.outbox import deliver, write
from flipgate.steps.acting.reconciled import judge
from flipgate.steps.acting.world import World, utc_now
from flipgate.steps.releasing.setup import check_application
from flipgate.steps.watching import unwatched
from flipgate.steps.watching.status import collect
from flipgate.steps.watching.unwatched import look_whether_watched, note_success
from tests.api.played import prefect_played
from tests.api.shop import BLUE, Shop
from tests.api.telling import Listening, heard
from tests.api.users import grant, user
from tests.core.checkout.test_prefect_yaml import DEPLOYMENTS, names

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

HOUR = timedelta(hours=1)


@pytest.fixture
def shop(shop_on_paper: Shop) -> Shop:
    return shop_on_paper


@pytest.fixture
def world(shop: Shop) -> World:
    return shop.world()


@pytest.fixture
def path(shop: Shop) -> str:
    return f"{shop.config_maps}/reconcile-{shop.name}"


def overdue(world: World) -> datetime:
    """Reconcile succeeded for the last time an hour ago."""
    last = world.now() - HOUR
    world.store.note_reconciled(last)
    return last


def judged(world: World) -> Condition:
    return judge(world, world.store.read())


# Noting


def test_a_success_is_an_object_of_its_own_that_says_what_it_is(shop: Shop, world: World, path: str) -> None:
    record = shop.version(f"{shop.config_maps}/record-{shop.name}")
    before = utc_now()
    note_success(world)
    obj = shop.cluster.get(path)

    assert obj["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "flipgate",
        "flipgate.dev/application": shop.name,
        "flipgate.dev/kind": "reconcile",
    }
    assert {each["manager"] for each in obj["metadata"]["managedFields"]} == {"flipgate"}
    assert before <= datetime.fromisoformat(obj["data"]["succeeded"]) <= utc_now()
    assert judged(world).status == "False"
    assert shop.version(f"{shop.config_maps}/record-{shop.name}") == record, "the record is not written every 5 minutes"
    assert world.store.history_problems() == [], "and it is no finished release"


def test_later_ones_keep_since_when_and_late_ones_change_nothing(shop: Shop, world: World, path: str) -> None:
    first = utc_now() - HOUR
    world.store.note_reconciled(first)
    world.store.note_reconciled(first + OVERDUE)
    version = shop.version(path)
    world.store.note_reconciled(first + OVERDUE)
    world.store.note_reconciled(first + timedelta(seconds=1))

    assert shop.version(path) == version, "told twice, and minutes late: not written"
    assert world.store.reconciled() == Reconciled(succeeded=first + OVERDUE, since=first)


@pytest.mark.parametrize("known", [True, False], ids=["the second", "the first ever"])
def test_a_write_that_was_held_up_takes_no_newer_success_back(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """Somebody notes a newer one between its look and its write."""
    old, new = utc_now() - timedelta(minutes=9), utc_now()
    if known:
        world.store.note_reconciled(old - timedelta(minutes=1))
    others, find, waiting = Store(shop.cluster, shop.own, shop.name), Cluster.find, [new]

    def held_up(cluster: Cluster, path: str) -> dict[str, Any] | None:
        found = find(cluster, path)
        if waiting:
            others.note_reconciled(waiting.pop())
        return found

    monkeypatch.setattr(Cluster, "find", held_up)
    world.store.note_reconciled(old)
    noted = world.store.reconciled()
    assert noted is not None
    assert noted.succeeded == new


def test_what_cannot_be_read_is_unknown_until_the_next_success(shop: Shop, world: World, path: str) -> None:
    note_success(world)
    shop.patch(path, ("add", "/data/succeeded", "yesterday"))
    with pytest.raises(PermanentError, match=f"kubectl -n {shop.own} get configmap reconcile-{shop.name} -o yaml"):
        world.store.reconciled()
    assert (judged(world).status, judged(world).reason) == ("Unknown", "Unreadable")
    note_success(world)
    assert judged(world).status == "False"


def test_it_needs_no_right_beside_those_that_check_asks_for(shop: Shop, world: World, tmp_path: Path) -> None:
    cluster = user(shop, tmp_path)
    robot = shop.world("robot", cluster)
    found = judge(robot, world.store.read())
    assert (found.status, found.reason) == ("Unknown", "Unreadable"), "who may not look does not know"
    assert "403" in found.message

    denied = check_application(cluster, shop.application, shop.own)
    grant(shop, [right for right in denied if f" in namespace {shop.own} " in right])
    for _ in range(2):
        note_success(robot)
    assert judged(robot).status == "False"


def test_status_says_it_and_the_next_success_ends_it(world: World) -> None:
    def seen() -> Condition:
        found = condition_of(collect(world).conditions, UNWATCHED)
        assert found is not None
        return found

    assert (seen().status, seen().reason) == ("False", "JustAdopted")
    last = overdue(world)
    assert (seen().status, seen().reason, seen().since) == ("True", "ReconcileOverdue", last + OVERDUE)
    note_success(world)
    assert (seen().status, seen().reason) == ("False", "Reconciled")


# Reconcile itself


def refuse_to_settle(shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch, fact: str, reason: str) -> None:
    """One turn of reconcile that ends with this refusal."""
    from flows import reconcile

    def refused(world: World, cluster: str) -> str:
        raise Refused(fact, reason=reason)

    monkeypatch.setattr(reconcile, "open_world", lambda *_: world)
    monkeypatch.setattr(reconcile, "note_conditions", lambda _: None)
    monkeypatch.setattr(reconcile, "reconcile_world", refused)
    with pytest.raises(Refused, match=fact):
        reconcile.reconcile_one(shop.name, "default")


def test_reconcile_notes_only_what_it_settled_without_a_fault(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import reconcile

    refuse_to_settle(shop, world, monkeypatch, "has to wait", "LeaseHeld")
    assert world.store.reconciled() is None

    overdue(world)
    look_whether_watched(world, print)
    monkeypatch.setattr(reconcile, "reconcile_world", lambda *_: "nothing to recover")
    said = heard(world)
    assert reconcile.reconcile_one(shop.name, "default") == "nothing to recover"
    assert judged(world).status == "False"
    assert said == [f"{shop.name}: reconcile succeeds again, after 60 min"]
    assert reconcile.reconcile_one(shop.name, "default") == "nothing to recover"
    assert len(said) == 1


def test_a_drift_that_waits_for_a_person_is_no_sign_that_reconcile_does_not_run(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_settle(shop, world, monkeypatch, "has drifted", "Drifted")
    assert world.store.reconciled() is not None


# Telling


def news(*texts: str) -> Callable[[Record], Record]:
    """Messages to be told."""

    def change(record: Record) -> Record:
        for text in texts:
            record = announce(record, text, release="r-1", side=BLUE, text=text, reason="BakePassed", at=utc_now())
        return record

    return change


def test_what_people_are_told_meanwhile_says_it_in_a_sentence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    last = overdue(world)
    world.chat = chat = Listening()
    looks, reconciled = [], world.store.reconciled
    monkeypatch.setattr(world.store, "reconciled", lambda **limits: looks.append(limits) or reconciled(**limits))
    write(world, news("one.", "two."))

    sentence = (
        f"Unwatched: reconcile last succeeded {last:%Y-%m-%d %H:%M} UTC; nothing expires, is repaired or put to rest: "
        f"flipgate status {world.application.name}"
    )
    assert chat.told == [f"one. {sentence}", f"two. {sentence}"]
    assert [block["text"]["text"] for block in chat.shown[0] if block["type"] == "section"] == ["one.", sentence]
    assert looks == [{"timeout": 2.0}], "looked at once for all that is delivered, and not for long"

    note_success(world)
    write(world, news("three."))
    assert chat.told[2:] == ["three."]


def test_where_the_log_is_the_channel_the_log_says_it(world: World) -> None:
    overdue(world)
    said = heard(world)
    write(world, news("one.", "two."))
    assert said[:2] == ["one.", "two."]
    assert [text.startswith("Unwatched: reconcile last succeeded ") for text in said[2:]] == [True]
    deliver(world, world.store.read())
    assert len(said) == 3, "nothing was delivered, so nothing is added"
    look_whether_watched(world, said.append)
    assert len(said) == 5, "the warning, and what everybody is told: it needs no sentence beside it"


@pytest.mark.parametrize(
    "fault", [Unreachable("did not answer (limit 2 s)"), PermanentError("cannot be read: 1")], ids=["away", "garbled"]
)
def test_a_look_that_fails_keeps_nobody_from_being_told(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def fail(**_: Any) -> None:
        raise fault

    monkeypatch.setattr(world.store, "reconciled", fail)
    world.chat = chat = Listening()
    write(world, news("one."))
    assert chat.told == ["one."]
    assert world.store.read().outbox == ()


def test_an_outage_is_told_once_on_its_own_and_so_is_its_end(shop: Shop, world: World) -> None:
    overdue(world)
    world.chat = chat = Listening()
    warned: list[str] = []
    for run in ("ana", "ben"):
        other = shop.world(run)
        other.chat = chat
        look_whether_watched(other, warned.append)

    (told,) = chat.told
    assert told.startswith(f"{shop.name}: Unwatched (ReconcileOverdue): reconcile last succeeded ")
    assert "Next: prefect flow-run ls --flow-name reconcile" in told
    assert told.count("flipgate status") == 0, "and not a second time in the sentence that others get"
    assert [text.startswith("Unwatched is True (ReconcileOverdue): ") for text in warned] == [True, True]
    assert world.store.read().threads == {}, "it is of no release"
    assert chat.shown[0][-1]["elements"][0]["text"].startswith("side `blue`")

    note_success(world)
    look_whether_watched(world, warned.append)
    assert chat.told[1:] == [f"{shop.name}: reconcile succeeds again, after 60 min"]
    assert len(warned) == 2


def test_who_stands_still_while_others_tell_an_outage_and_its_end_does_not_tell_it_again(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    overdue(world)
    world.chat = chat = Listening()
    woken: list[str] = []

    def stands_still(by: World, record: Record) -> Condition:
        found = judge(by, record)
        if not woken:
            woken.append("ben and reconcile were there meanwhile")
            look_whether_watched(world, lambda _: None)
            note_success(world)
        return found

    monkeypatch.setattr(unwatched, "judge", stands_still)
    late = shop.world("ana")
    late.chat = chat
    look_whether_watched(late, lambda _: None)
    assert [text.endswith("reconcile succeeds again, after 60 min") for text in chat.told] == [False, True]


def test_looking_fails_nobody(shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    look_whether_watched(world, warned.append)
    assert world.store.read().outbox == ()
    assert warned == []

    overdue(world)

    def lose(change: Any) -> Any:
        raise Conflict("was written by others 8 times in a row", obj="record of shop")

    said = heard(world)
    with monkeypatch.context() as patched:
        patched.setattr(world.store, "update", lose)
        look_whether_watched(world, warned.append)
    assert len(warned) == 1
    assert said[0].startswith("whether reconcile still runs was not looked at: record of shop")
    shop.write_record("garbled")
    look_whether_watched(world, warned.append)
    shop.cluster.delete(f"{shop.config_maps}/record-{shop.name}")
    look_whether_watched(world, warned.append)
    assert len(warned) == 1, "before `adopt` nobody has to watch"


# Each flow


class Acted(Exception):  # noqa: N818
    """The flow has done its first step."""


@pytest.fixture
def acts(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[str], list[str]]]:
    """Runs a flow up to its first step, and says in which order it acted and warned."""
    overdue(world)
    done: list[str] = []
    log = SimpleNamespace(info=lambda _: None, warning=lambda text: done.append(text.partition(" (")[0]))

    def act(*_: Any, **__: Any) -> Any:
        done.append("acted")
        raise Acted

    def back(*_: Any) -> Any:
        done.append("users are back")
        return SimpleNamespace(notes=(), way="fast", to=BLUE)

    def run(name: str) -> list[str]:
        from importlib import import_module

        from prefect import Flow

        import flows.opening

        module = import_module(f"flows.{name}")
        monkeypatch.setattr(flows.opening, "connect", lambda *_, **__: world)
        monkeypatch.setattr(flows.opening, "get_run_logger", lambda: log)
        monkeypatch.setattr(module, "get_run_logger", lambda: log, raising=False)
        monkeypatch.setattr(module, "task", SimpleNamespace(recover=act, start=act, roll_back=back))
        flow = getattr(module, name)
        assert isinstance(flow, Flow)
        given = {"images": {}, "release": "r-1", "reason": "orders fail", "application": shop.name}
        payload = {"application": shop.name, "images": {"web": "shop/web:2"}}
        given |= {"resource": f"flipgate.application.{shop.name}", "payload": payload, "event": "1"}
        wanted = {key: value for key, value in given.items() if key in flow.parameters.properties}
        with suppress(Acted):
            flow.fn(**wanted)
        return done

    with prefect_played(tmp_path / "prefect"):
        yield run


LOOKS_FIRST = ("build_completed", "deploy_dark", "flip_traffic", "scale_down")


def test_no_flow_is_forgotten() -> None:
    others = {"roll-back", "reconcile"}  # users first; and who it is about
    assert {name.replace("_", "-") for name in LOOKS_FIRST} == set(names(DEPLOYMENTS)) - others


@pytest.mark.parametrize("name", LOOKS_FIRST)
def test_each_flow_looks_before_it_does_anything(world: World, acts: Callable[[str], list[str]], name: str) -> None:
    assert acts(name) == ["Unwatched is True", "acted"]
    assert condition_of(world.store.read().conditions, UNWATCHED), "and everybody was told"


def test_who_sends_users_back_looks_when_they_are(world: World, acts: Callable[[str], list[str]]) -> None:
    assert acts("roll_back") == ["users are back", "Unwatched is True"]
    assert condition_of(world.store.read().conditions, UNWATCHED)
