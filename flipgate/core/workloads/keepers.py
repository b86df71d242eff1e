"""Who makes a Secret from elsewhere: an ExternalSecret, a SealedSecret. Whether that is done, by its own words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from flipgate.core.values.appliers import applier_of
from flipgate.core.values.foreign import printable
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.verdicts import Evidence, Verdict

GROUPS: Final[Mapping[str, str]] = MappingProxyType(
    {"ExternalSecret": "external-secrets.io", "SealedSecret": "bitnami.com"}
)
"""The kinds whose condition is looked at, and their API groups."""
CONDITIONS: Final[Mapping[str, str]] = MappingProxyType({"ExternalSecret": "Ready", "SealedSecret": "Synced"})
"""The condition by which each says that its Secret is as it should be
(external-secrets.io: api/externalsecret; bitnami-labs/sealed-secrets: pkg/apis/sealedsecrets)."""
CERTIFICATE: Final = "cert-manager.io/certificate-name"
"""Annotation on a Secret that cert-manager keeps: it owns none, unless it was told to (cert-manager.io: Annotations).
Whoever copies the Secret copies this, too, and then cert-manager is not among its managers."""
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
    ready: bool | None
    """None where it has no such condition: its operator has not looked yet, or writes no status."""
    said: str
    """Its condition, with its message."""
    made: bool = False
    """Whether its Secret is there."""
    wanted: bool = False
    """Whether the file asks for more than that: for what it makes to be as it should be by now."""

    @property
    def pending(self) -> bool:
        """Whether it keeps a release from coming up, and may be waited for."""
        return (self.ready is not True and not self.made) or (self.ready is False and self.wanted)

    @property
    def command(self) -> str:
        """What shows it."""
        return f"kubectl -n {self.namespace} describe {self.keeper.kind.lower()} {self.keeper.name}"


def keeper_of(meta: Mapping[str, Any]) -> Keeper | None:
    """Returns who keeps the object that has this metadata: its owner, what applies it from a repository, or the
    certificate that it holds; None where nobody is known to."""
    owners = meta.get("ownerReferences") or []
    if owners:
        first = next((each for each in owners if each.get("controller")), owners[0])
        return Keeper(str(first.get("kind")), str(first.get("name")))
    if applied := applier_of(meta):
        return Keeper(f"{applied.tool}'s {applied.kind}", applied.name)
    certificate = (meta.get("annotations") or {}).get(CERTIFICATE)
    managers = [str(each.get("manager")) for each in meta.get("managedFields") or []]
    renewed = not managers or any(each.startswith("cert-manager") for each in managers)
    return Keeper("Certificate", certificate) if certificate and renewed else None


def read_keeper(obj: Mapping[str, Any], kind: str, namespace: str, *, made: bool) -> KeeperSeen:
    """Reads an ExternalSecret or a SealedSecret."""
    word = CONDITIONS[kind]
    conditions = (obj.get("status") or {}).get("conditions") or []
    found = next((each for each in conditions if each.get("type") == word), None)
    name = obj["metadata"]["name"]
    if found is None:
        fact = f"its operator has not said whether it is {word}"
        return KeeperSeen(Keeper(kind, name), namespace, None, fact, made)
    why = ": ".join(str(found[key]) for key in ("reason", "message") if found.get(key))
    said = f"{word} is {found.get('status')}{f' ({why})' if why else ''}"
    ready = found.get("status") == "True"
    return KeeperSeen(Keeper(kind, name), namespace, ready, printable(said, MESSAGE_SHOWN), made)


def keeper_row(seen: KeeperSeen, waited_seconds: float) -> Evidence:
    """Returns what it says as a row. Where the file asks for no more, the Secret itself is what counts, as of one that
    says nothing: a source that is away for a moment keeps back no release whose pods have it."""
    waited = f", for {waited_seconds:.0f} s" if waited_seconds and seen.pending else ""
    shown = Verdict.PASS if seen.ready else Verdict.INFO
    return Evidence(
        str(seen.keeper),
        Verdict.FAIL if seen.pending else shown,
        f"its condition {CONDITIONS[seen.keeper.kind]}",
        seen.namespace,
        f"{seen.said}{waited}",
        f"{CONDITIONS[seen.keeper.kind]} is True",
        mend="" if seen.ready else seen.command,
    )
