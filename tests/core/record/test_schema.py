"""A record that an older flipgate would misread is stored under a higher schema; any other is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from flipgate.adapters.store import parse_record
from flipgate.core.git.agreement import agrees
from flipgate.core.record import queue
from flipgate.core.record.announcement import Announcement, InChat
from flipgate.core.record.clones import begun
from flipgate.core.record.compared import Compared
from flipgate.core.record.freeze import BreakGlass, Freeze
from flipgate.core.record.ledger import Migration
from flipgate.core.record.maintenance import Maintenance
from flipgate.core.record.merge_request import MergeRequest
from flipgate.core.record.occupant import Occupant, Ran
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.planned import Part
from flipgate.core.record.record import FIRST_SCHEMA, SCHEMA_VERSION, Condition, ConditionStatus, Record
from flipgate.core.record.release import Commit, Decided, FrozenEvidence, Judgement, Kept, PhaseChange, RefusedBuild
from flipgate.core.record.size import written
from flipgate.core.record.stopped_databases import stopping
from flipgate.core.record.ticks import Tick
from flipgate.core.record.who_may import WhoMay
from flipgate.core.values.base import but
from flipgate.core.values.errors import PermanentError
from flipgate.core.values.verdicts import Verdict
from flipgate.core.values.who import Identity
from tests.core.builders import BLUE, DARK, GREEN, LIVE, NOW, RUN, approval, question, record, refuses, release

FIRST: dict[str, Any] = json.loads((Path(__file__).parent / "schema-1.json").read_text())
"""What the first readers took, made from their own models: it never changes."""
MISREAD = Draft202012Validator(FIRST)

WAITS = queue.enqueue(record(release=release(*LIVE)), {"web": "acme/web:3"}, by="ci", now=NOW)
TIMED = Judgement(
    step="checks", at=NOW, proofs=(FrozenEvidence(gate="a", verdict=Verdict.PASS, detail="", seconds=0.1),)
)
REFUSED = PhaseChange(phase=Phase.FAILED, reason=Reason.PODS_REFUSED, at=NOW)
DECIDED = Decided(
    kind="flip", decision="approve", by="ana", via="cli", reason="quiet", at=NOW, identity=Identity(user="ana")
)
ASKS = Announcement(id="1", release="a-1", side=GREEN, text="Send all users?", at=NOW)
NEWS: dict[str, Record] = {
    "queued": WAITS,
    "dark_preview": record(dark_preview=("IngressRoute edge/flipgate-dark-preview-shop-0",)),
    "merge_request": record(merge_request=MergeRequest(branch="flipgate/shop/a-1-green", to=GREEN, at=NOW)),
    "migrations": record(migrations=(Migration(database="orders", release="a-1", before="12", at=NOW, by="ci"),)),
    "clones": record(clones=(begun("orders", "orders_a_1", "a-1", GREEN, NOW),)),
    "stopped": stopping(record(), "orders", "orders_blue", BLUE, NOW),
    "maintenance": record(
        maintenance=Maintenance(
            namespace="edge",
            config_map="flags",
            key="moving",
            during="true",
            otherwise="false",
            at=NOW,
            at_most_seconds=3600,
        )
    ),
    "frozen": record(frozen=Freeze(by="ana", reason="an outage", at=NOW)),
    "glass": record(
        release=release(*DARK),
        glass=BreakGlass(kind="flip", release="a-1", by="ana", reason="the fix", at=NOW, expires_at=NOW),
    ),
    "refused_build": record(refused_build=RefusedBuild(fact="has no images", at=NOW)),
    "look_first": record(release=release(*DARK), question=question(look_first=("kubectl port-forward",))),
    "content": record(release=release(*DARK), question=question(content={"acme/web:2": ("sha256:a",)})),
    "services": record(release=release(*DARK), question=question(services={"web": "selector app=web"})),
    "compared": record(release=release(*DARK), question=question(compared=(Compared(service="web"),))),
    "plan": record(release=release(*DARK), question=question(plan=(Part(of="routes", lines=("none changes",)),))),
    "who_may": record(release=release(*DARK), question=question(who_may=WhoMay(users=("ana",)))),
    "in_chat": record(in_chat=(InChat(question="flip-1", channel="C1", message="1.2", text="Send all users?"),)),
    "question of a message": record(outbox=(but(ASKS, question="flip-1"),)),
    "question of a decision": record(release=release(*LIVE, decisions=(but(DECIDED, identity=None, question="q"),))),
    "ticks": record(release=release(*DARK), question=question(ticks=(Tick(name="backup", text="it was read back"),))),
    "gates": record(release=release(*DARK), question=question(gates="0" * 16)),
    "ticks of an approval": record(
        release=release(*DARK), question=question(), approval=approval(identity=None, ticks=("backup",))
    ),
    "ticks of a decision": record(release=release(*LIVE, decisions=(but(DECIDED, identity=None, ticks=("backup",)),))),
    "identity of an approval": record(release=release(*DARK), question=question(), approval=approval()),
    "identity of a decision": record(release=release(*LIVE, decisions=(DECIDED,))),
    "roles": record(sides={BLUE: Occupant(images=RUN, since=NOW, roles={"web": Ran(role="serving")})}),
    "changed": record(
        conditions=(
            Condition(
                type="LiveSideReady", status=ConditionStatus.FALSE, reason="a", message="", since=NOW, changed="0" * 12
            ),
        )
    ),
    "looked_at": record(conditions=(agrees(BLUE, "commit abc leads to blue", NOW),)),
    "accepted": record(sides={BLUE: Occupant(images=RUN, since=NOW, accepted={"web": 1})}),
    "suspended": record(sides={BLUE: Occupant(images=RUN, since=NOW, suspended=("standings",))}),
    "basis": record(conditions=(agrees(BLUE, "", NOW, "0" * 32),)),
    "databases": record(release=release(*LIVE, databases="0" * 16)),
    "taken_in": record(release=release(*LIVE, taken_in=3)),
    "again": record(release=release(*LIVE, again={"web": "0" * 12})),
    "commits": record(release=release(*LIVE, commits=(Commit(what="deploy", commit="0" * 40, at=NOW),))),
    "kept": record(release=release(*LIVE, kept=Kept(ends=1))),
    "held": record(release=release(*LIVE, held=NOW)),
    "users are wanted back": record(
        release=release(*LIVE), question=question(), approval=approval(decision="rollback", identity=None)
    ),
    "chain": record(release=release(*LIVE).chained("")),
    "seconds of a check": record(release=release(*LIVE, judgements=(TIMED,))),
    "reason of the last release": record(last=release(changes=(*release().changes, REFUSED))),
}


def misread(stored: str) -> bool:
    return not MISREAD.is_valid(json.loads(stored))


@pytest.mark.parametrize("news", NEWS.values(), ids=NEWS)
def test_what_an_older_flipgate_would_misread_it_refuses_as_a_newer_ones(news: Record) -> None:
    now, stored = written(news)
    assert misread(stored), "or it need not be refused"
    assert json.loads(stored)["schema"] > FIRST_SCHEMA
    assert parse_record(stored, "shop", "flipgate") == now


@pytest.mark.parametrize(
    "usual",
    [
        record(),
        record(release=release(*LIVE)),
        record(release=release(*DARK), question=question()),
        record(release=release(*DARK), question=question(), approval=approval(identity=None)),
    ],
    ids=["settled", "live", "asked", "answered by a claim"],
)
def test_what_an_older_flipgate_reads_it_may_read(usual: Record) -> None:
    _, stored = written(usual)
    assert (json.loads(stored)["schema"], misread(stored)) == (FIRST_SCHEMA, False)


def test_when_nothing_waits_any_more_an_older_one_may_read_it_again() -> None:
    now, _ = written(WAITS)
    assert now.schema_version == SCHEMA_VERSION
    assert written(queue.dequeue(now, now.queued))[0].schema_version == FIRST_SCHEMA


def fields(model: type[BaseModel]) -> dict[str, set[str]]:
    """The keys of all models that a model is made of, as they are stored."""
    schema = model.model_json_schema(by_alias=True)
    found = {name: set(part["properties"]) for name, part in schema["$defs"].items() if "properties" in part}
    return {**found, model.__name__: set(schema["properties"])}


def words(model: type[BaseModel]) -> dict[str, set[str]]:
    parts = model.model_json_schema(by_alias=True)["$defs"]
    return {name: set(part["enum"]) for name, part in parts.items() if "enum" in part}


def test_whatever_is_stored_and_was_not_known_then_is_judged_here() -> None:
    """Who adds a field or a word to a stored value comes by here: it needs a line in core/record/schema.py."""
    then = {name: set(part["properties"]) for name, part in FIRST["$defs"].items() if "properties" in part}
    then["Record"] = set(FIRST["properties"])
    added = {name: keys - then[name] for name, keys in fields(Record).items() if name in then and keys - then[name]}
    assert added == {
        "Record": {
            "clones",
            "darkPreview",
            "frozen",
            "glass",
            "inChat",
            "maintenance",
            "mergeRequest",
            "migrations",
            "queued",
            "refusedBuild",
            "stopped",
        },
        "Announcement": {"question"},
        "Condition": {"basis", "changed", "lookedAt"},
        "Question": {"compared", "content", "gates", "lookFirst", "plan", "services", "ticks", "whoMay"},
        "Approval": {"identity", "ticks"},
        "Decided": {"identity", "question", "ticks"},
        "Occupant": {"accepted", "roles", "suspended"},
        "Release": {"again", "chain", "commits", "databases", "held", "kept", "takenIn"},
        "FrozenEvidence": {"output", "seconds"},
    }
    known = {name: set(part["enum"]) for name, part in FIRST["$defs"].items() if "enum" in part}
    more = {name: new for name, words_ in words(Record).items() if (new := words_ - known.get(name, words_))}
    reasons = {"ClaimNotBound", "DeploymentPaused", "PodsHeldBack", "PodsRefused", "PreflightFailed", "ScaledByAnother"}
    assert more == {
        "Decision": {"extend", "rollback"},
        "Reason": reasons
        | {
            "CloneFailed",
            "DatabaseDirty",
            "HookFailed",
            "MigrationFailed",
            "NotApplied",
            "OverlayNotSet",
            "PushRefused",
        },
    }


@pytest.mark.parametrize("text", ["garbled", "[]", "{}", '{"schema": 1, "active": "red"}'])
def test_a_record_that_says_what_none_can_is_refused_and_never_a_fresh_start(text: str) -> None:
    with pytest.raises(PermanentError):
        parse_record(text, "shop", "flipgate")


def test_a_newer_schema_than_this_ones_is_refused_in_words() -> None:
    text = record().model_copy(update={"schema_version": SCHEMA_VERSION + 1}).model_dump_json(by_alias=True)
    with refuses("NewerRecord", "was written by a newer flipgate"):
        parse_record(text, "shop", "flipgate")
