"""Who makes a Secret from elsewhere: an ExternalSecret, a SealedSecret. Whether that is done, by its own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from flipgate.core.values.appliers import applier_of
from flipgate.core.values.foreign import printable
from flipgate.core.values.verdicts import Evidence, Verdict

GROUPS: Final[Mapping[str, str]] = MappingProxyType(
    {"ExternalSecret": "external-secrets.io", "SealedSecret": "bitnami.com"}
)
"""The kinds whose condition is looked at, and their API groups."""
CONDITIONS: Final[Mapping[str, str]] = MappingProxyType({"ExternalSecret": "Ready", "SealedSecret": "Synced"})
"""The condition by which each says that its Secret is as it should be
(external-secrets.io: api/externalsecret; bitnami-labs/sealed-secrets: pkg/apis/sealedsecrets)."""
MESSAGE_SHOWN: Final = 300


@dataclass(frozen=True)
class Keeper:
    """Who writes an object: whatever else is written there does not stay."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class KeeperSeen:
    """One ExternalSecret or SealedSecret of a side, by its own words."""

    keeper: Keeper
    namespace: str
    ready: bool
    said: str
    """Its condition, with its message."""

    @property
    def command(self) -> str:
        """What shows it."""
        return f"kubectl -n {self.namespace} describe {self.keeper.kind.lower()} {self.keeper.name}"


def keeper_of(meta: Mapping[str, Any]) -> Keeper | None:
    """Returns who keeps the object that has this metadata: its owner, or what applies it from a repository; None where
    nobody is known to."""
    owners = meta.get("ownerReferences") or []
    if owners:
        first = next((each for each in owners if each.get("controller")), owners[0])
        return Keeper(str(first.get("kind")), str(first.get("name")))
    applied = applier_of(meta)
    return Keeper(f"{applied.tool}'s {applied.kind}", applied.name) if applied else None


def read_keeper(obj: Mapping[str, Any], kind: str, namespace: str) -> KeeperSeen:
    """Reads an ExternalSecret or a SealedSecret. One whose operator has said nothing yet is not ready; a SealedSecret
    whose operator writes no status (--update-status=false) cannot be told from that."""
    word = CONDITIONS[kind]
    conditions = (obj.get("status") or {}).get("conditions") or []
    found = next((each for each in conditions if each.get("type") == word), None)
    name = obj["metadata"]["name"]
    if found is None:
        return KeeperSeen(Keeper(kind, name), namespace, False, f"its operator has not said yet whether it is {word}")
    why = ": ".join(str(found[key]) for key in ("reason", "message") if found.get(key))
    said = f"{word} is {found.get('status')}{f' ({why})' if why else ''}"
    return KeeperSeen(Keeper(kind, name), namespace, found.get("status") == "True", printable(said, MESSAGE_SHOWN))


def keeper_row(seen: KeeperSeen, waited_seconds: float) -> Evidence:
    """Returns what it says as a row: not ready fails."""
    waited = f", for {waited_seconds:.0f} s" if waited_seconds and not seen.ready else ""
    return Evidence(
        str(seen.keeper),
        Verdict.PASS if seen.ready else Verdict.FAIL,
        f"its condition {CONDITIONS[seen.keeper.kind]}",
        seen.namespace,
        f"{seen.said}{waited}",
        f"{CONDITIONS[seen.keeper.kind]} is True",
        mend="" if seen.ready else seen.command,
    )
