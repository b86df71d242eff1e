"""What the cluster remembers: conditional writes, refusals that change nothing, a history with an end."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.adapters.store import Store, applications
from flipgate.core.record.intents import Move
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.record import SCHEMA_VERSION, EntryState, JournalEntry, Record
from flipgate.core.record.release import PhaseChange, Release, attempts
from flipgate.core.record.size import LIMIT_BYTES
from flipgate.core.values.base import but
from flipgate.core.values.errors import Conflict, LostLease, NotFound, PermanentError, Refused
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.outbox import write, write_history
from flipgate.steps.acting.world import World
from flipgate.steps.releasing.settle import fail
from lab.control.records import Lab
from tests.api.shop import BLUE, Shop, opened, under_lease
from tests.core import builders
from tests.core.large import CONFIG_MAP_BYTES, LONG, ended, taken_back, weeks
from tests.repeating import until

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def note(word: str) -> Any:
    """A change of the record that leaves a trace of its own."""
    return lambda record: but(record, threads={**record.threads, word: word})


def finished(number: int) -> Release:
    change = PhaseChange(phase=Phase.SETTLED, reason=Reason.OLD_SIDE_AT_REST, at=NOW + timedelta(minutes=number))
    return builders.release(id=f"{number:012x}", images={"web": f"shop/web:{number}"}, changes=(change,))


@pytest.fixture
def shop(shop_on_paper: Shop) -> Shop:
    return shop_on_paper


@pytest.fixture
def world(shop: Shop) -> World:
    return shop.world()


def test_only_one_of_two_first_records_is_written(world: World) -> None:
    with pytest.raises(Conflict):
        world.store.create(world.store.read())


def test_writers_at_the_same_time_lose_nothing(shop: Shop) -> None:
    words = [f"writer-{n}" for n in range(6)]

    def write(word: str) -> None:
        store = Store(shop.cluster, shop.own, shop.name)
        for turn in range(3):
            store.update(note(f"{word}-{turn}"))

    with ThreadPoolExecutor(len(words)) as pool:
        list(pool.map(write, words))
    assert len(shop.world().store.read().threads) == len(words) * 3


def test_a_change_that_changes_nothing_writes_nothing(shop: Shop, world: World) -> None:
    path = f"{shop.config_maps}/record-{shop.name}"
    version = shop.version(path)
    world.store.update(lambda record: record)
    assert shop.version(path) == version


def test_a_newer_flipgates_record_is_refused_and_left_alone(shop: Shop, world: World) -> None:
    newer = f'{{"schema": {SCHEMA_VERSION + 1}, "wisdom": "more"}}'
    shop.write_record(newer)
    with pytest.raises(Refused, match="upgrade flipgate") as refused:
        world.store.update(note("mine"))
    assert refused.value.reason == "NewerRecord"
    assert shop.record_text() == newer


def test_a_garbled_record_is_refused_and_left_alone(shop: Shop) -> None:
    store = shop.world().store
    for garbled in ("", "{", "[]", "null", '"words"', "{}", '{"schema": 1}', '{"schema": "one"}', '{"schema": null}'):
        shop.write_record(garbled)
        with pytest.raises(PermanentError, match=f"kubectl -n {shop.own} get configmap record-{shop.name}"):
            store.update(note("mine"))
        assert shop.record_text() == garbled


def test_who_was_taken_over_writes_nothing_more(shop: Shop) -> None:
    ana, ben = shop.world("ana"), shop.world("ben")
    with ana.acting() as acting:
        acting.world.store.update(note("before"))
        with ben.acting(steal=True):
            ben.store.update(note("taken"))
            with pytest.raises(LostLease):
                acting.world.store.update(note("late"))
        with pytest.raises(LostLease, match=r"ben has taken over \(epoch 2; this run began in 1\)"):
            acting.world.store.update(note("late"))
    assert set(ana.store.read().threads) == {"before", "taken"}


def test_every_taking_over_is_an_epoch(shop: Shop) -> None:
    ana = shop.world()
    epochs: list[Record] = []
    for _ in range(2):
        with ana.acting() as acting:
            epochs.append(acting.record)
    assert [record.epoch for record in epochs] == [1, 2]


def test_the_largest_record_is_taken_and_the_way_back_goes_on(shop: Shop) -> None:
    """More than a ConfigMap takes, had it been written as it is; then all that a rollback writes, and its history."""
    world, text = shop.world(), LONG[0]
    large = but(weeks(text), application=shop.name, epoch=0)
    kept = world.store.update(lambda record: large)
    assert len(large.model_dump_json(by_alias=True).encode()) > 2 * CONFIG_MAP_BYTES
    assert len(shop.record_text().encode()) <= LIMIT_BYTES
    assert world.store.read() == kept
    with world.acting() as acting:
        world.store.update(lambda record: ended(record, text))
        with journal(acting, Move(BLUE, back=True)) as entry:
            entry.outcome = text
        write(world, lambda record: taken_back(record, text))
        write_history(world)
    record = world.store.read()
    assert (record.phase, record.active, record.open_entry) == (Phase.SETTLED, BLUE, None)
    assert world.store.history()[0].phase is Phase.ABORTED


def test_the_history_has_an_end_its_newest_first_and_a_release_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flipgate.adapters.history.HISTORY_KEPT", 4)
    store = shop.world().store
    for _ in range(2):
        store.write_history(finished(0))
    assert store.history() == [finished(0)]
    for number in range(1, 6):
        store.write_history(finished(number))
    assert [release.images["web"] for release in store.history()] == [f"shop/web:{number}" for number in (5, 4, 3, 2)]


@pytest.mark.parametrize("years", [-9, 9], ids=["behind", "ahead"])
def test_a_machine_whose_clock_is_years_off_has_no_newer_release_let_go(
    shop: Shop, years: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API server's clock is one for all."""
    monkeypatch.setattr("flipgate.adapters.history.HISTORY_KEPT", 2)
    store, wrong = shop.world().store, finished(9)
    wrong = but(wrong, changes=(but(wrong.changes[0], at=NOW.replace(year=NOW.year + years)),))
    for one in (finished(1), finished(2), wrong):
        in_a_second_of_its_own()
        store.write_history(one)
    assert {one.name for one in store.history()} == {finished(2).name, wrong.name}
    for one in (finished(3), finished(4)):
        in_a_second_of_its_own()
        store.write_history(one)
    assert [one.name for one in store.history()] == [finished(4).name, finished(3).name]


def in_a_second_of_its_own() -> None:
    """Kubernetes says to the second when it made an object."""
    began = int(time.time())
    until(lambda: int(time.time()) > began, why="this second does not end")


def test_a_garbled_finished_release_is_left_out_and_named(shop: Shop) -> None:
    store = shop.world().store
    for number in (1, 3):
        store.write_history(finished(number))
    for text in ("", "{", "[]", '{"id": "0"}', "no changes", "no time zone"):
        name = spoil(shop, finished(2), text)
        assert [release.name for release in store.history()] == [finished(3).name, finished(1).name], text
        (problem,) = store.history_problems()
        assert problem.obj == f"release in ConfigMap {shop.own}/{name}"
        assert f"kubectl -n {shop.own} get configmap {name}" in problem.next_command


def test_what_people_wrote_is_kept_by_each_write_whatever_its_characters(shop: Shop) -> None:
    """The API server reads server-side apply as YAML, which has no halves of a character."""
    store, text = shop.world().store, 'back \U0001f6d1 \\ud83d\\uded1 "\u2028\x85\x7f\u00e9'
    one = finished(1)
    for entries in ((), (entry(text),)):
        store.write_history(one, entries)
    assert store.finished(one.name)[1] == (entry(text),)
    for more in ("# \U0001f6d1\n", "# \U0001f6d1\U0001f6d1 \\ud83d\\uded1\n"):
        store.write_application(shop.text + more)
        obj = shop.cluster.get(f"{shop.config_maps}/application-{shop.name}")
        assert obj["data"]["application.yaml"] == shop.text + more


def entry(text: str) -> JournalEntry:
    return JournalEntry(id=1, step="Test", state=EntryState.DONE, actor="ana", at=NOW, outcome=text)


def test_an_object_of_another_name_is_no_release_of_ours_whatever_its_labels_say(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who writes where is held by names: labels, and what stands in an object, are its maker's own words."""
    monkeypatch.setattr("flipgate.adapters.history.HISTORY_KEPT", 2)
    store = shop.world().store
    for number in (1, 2):
        store.write_history(finished(number))
    forged = {"release.json": finished(1).model_dump_json(by_alias=True)}
    for name, data in [("notes", forged), (f"release-{shop.name}-zzz-1", forged), ("other", {"release.json": "{"})]:
        labels = {"flipgate.dev/application": shop.name, "flipgate.dev/kind": "release"}
        shop.cluster.create(shop.config_maps, {"metadata": {"name": name, "labels": labels}, "data": data})
    store.write_history(finished(2))
    assert store.history() == [finished(2), finished(1)]
    (problem,) = store.history_problems()
    assert problem.fact.endswith(f"it is {finished(1).name} by what it says")
    assert {each.name for each in store.kept()[0]} == {finished(1).name, finished(2).name}
    assert shop.cluster.find(f"{shop.config_maps}/release-{shop.name}-{finished(1).name}")
    labels = {"flipgate.dev/application": "unheard-of", "flipgate.dev/kind": "application"}
    shop.cluster.create(shop.config_maps, {"metadata": {"name": "an-application", "labels": labels}})
    assert applications(shop.cluster, shop.own) == [shop.name]


def test_an_attempt_that_cannot_be_read_counts_all_the_same(shop: Shop, world: World) -> None:
    first = finished(2)
    assert attempts(world.store.names(), first.id) == 0
    world.store.write_history(first)
    spoil(shop, but(first, attempt=12), "{")
    assert attempts(world.store.names(), first.id) == 12
    assert attempts(world.store.names(), first.id[:-1]) == 0


def test_a_garbled_finished_release_stops_no_deploy_and_no_end(cluster: Cluster, lab: Lab) -> None:
    shop = Shop.install(cluster, lab.kubeconfig)
    world = shop.adopted()
    release = opened(world)
    spoil(shop, release, "{")
    under_lease(world, fail, release.name, Reason.NOT_READY_IN_TIME, "web 0/2")
    spoil(shop, release, "{")
    again = opened(world)
    assert (again.id, again.attempt) == (release.id, 2)


def spoil(shop: Shop, release: Release, text: str) -> str:
    """Puts text where this finished release would stand; two words stand for a release's JSON with a flaw."""
    flaws: dict[str, dict[str, Any]] = {
        "no changes": {"changes": ()},
        "no time zone": {"changes": (naive(release.changes[0]),)},
    }
    if flaw := flaws.get(text):
        text = release.model_copy(update=flaw).model_dump_json(by_alias=True)
    name = f"release-{shop.name}-{release.name}"
    labels = {"flipgate.dev/application": shop.name, "flipgate.dev/kind": "release"}
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}
    shop.cluster.apply(f"{shop.config_maps}/{name}", obj | {"data": {"release.json": text}})
    return name


def naive(change: PhaseChange) -> PhaseChange:
    return but(change, at=change.at.replace(tzinfo=None))


def test_the_application_is_kept_as_it_was_written_and_one_nobody_applied_says_what_to_type(shop: Shop) -> None:
    with pytest.raises(NotFound, match="flipgate apply -f"):
        Store(shop.cluster, shop.own, "unheard-of").application()
    assert shop.world().store.application() == shop.application
    kept = shop.cluster.get(f"{shop.config_maps}/application-{shop.name}")["data"]["application.yaml"]
    assert kept == shop.text
    assert applications(shop.cluster, shop.own) == [shop.name]


def test_a_finished_release_of_a_newer_flipgate_is_named_as_that(shop: Shop) -> None:
    store = shop.world().store
    name = spoil(shop, finished(2), '{"wisdom": "more"}')
    shop.patch(f"{shop.config_maps}/{name}", ("add", "/data/schema", str(SCHEMA_VERSION + 1)))
    (problem,) = store.history_problems()
    assert "written by a newer flipgate" in problem.fact


def test_names_are_asked_for_without_what_the_objects_hold(shop: Shop, world: World) -> None:
    world.store.write_history(finished(1))
    cluster = shop.cluster
    (item,) = cluster.metadata(shop.config_maps, labelSelector="flipgate.dev/kind=release")
    assert "data" not in item
    assert world.store.names() == [finished(1).name]
