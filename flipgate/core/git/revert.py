"""Taking back what a failed release has committed: of which release, when, and what people are told of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from flipgate.core.git.message import DEPLOY, REVERT
from flipgate.core.record.intents import RevertImages
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import EntryState, Record, announce
from flipgate.core.record.release import Release
from flipgate.core.values.base import but
from flipgate.core.values.reasons import Why


def to_take_back(record: Record) -> Release | None:
    """Returns the ended release whose commit is to be taken back, where the file asks for that: once for each. Users
    have not seen it. One that was superseded is among them where the newer build was refused."""
    release = record.ended
    if release is None or not deployed_by(release) or not release.phase.row.kept or release.phase.row.stays_open:
        return None
    done = [entry for entry in record.journal if entry.state is EntryState.DONE and entry.step == RevertImages.step]
    again = any((meant := RevertImages.find(entry.intent)) and meant.release == release.name for entry in done)
    return None if again else release


def deployed_by(release: Release) -> str:
    """Returns the commit that set the release's images in its overlay; empty where there is none."""
    return next((each.commit for each in reversed(release.commits) if each.what == DEPLOY), "")


def users_had(releases: Iterable[Release], commit: str) -> str:
    """Returns the release that set its images by this commit and that users were on: an old build that is deployed
    again finds its overlay as that release left it, and fails with a commit that is not its own. Empty: none."""
    named = (each.name for each in releases if deployed_by(each) == commit and _was_seen(each))
    return next(named, "")


def _was_seen(release: Release) -> bool:
    return any(change.phase is Phase.BAKING for change in release.changes)


def taken_back(record: Record, release: Release, commit: str, now: datetime) -> Record:
    """Returns the record with the commit that has taken the release's back, which is told."""
    if record.last is None or record.last.name != release.name:
        return record
    said = f"commit {deployed_by(release)[:12]} is taken back by commit {commit[:12]}: its overlay is as it was before"
    changed = but(record, last=record.last.committed(REVERT, commit, now))
    return _told(changed, release, Why.COMMIT_TAKEN_BACK, said, now)


def left(record: Record, release: Release, why: str, now: datetime) -> Record:
    """Returns the record with the message that the commit is not taken back, and why."""
    said = f"commit {deployed_by(release)[:12]} is left: {why}. Nothing is changed by itself; look whether it may stay"
    return _told(record, release, Why.COMMIT_LEFT, said, now)


def _told(record: Record, release: Release, why: Why, said: str, now: datetime) -> Record:
    return announce(
        record,
        f"{release.name}/{why}",
        release=release.name,
        side=release.side,
        text=f"{record.application} {release.name}: {said}",
        reason=why,
        at=now,
    )
