"""`flipgate status`: where traffic is, what happens, who is waited for. Works with Prefect down."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import ClusterOptions, cluster_options, output_option
from flipgate.cli._print import echo, emit
from flipgate.core.values.errors import FlipgateError, TemporaryError

if TYPE_CHECKING:
    from flipgate.adapters.cluster import Cluster

WATCH_SECONDS = 2.0

DATA = """\
-o json with APP is one object; without, {"applications": [OBJECT, ...]}. Times are ISO 8601, UTC. Keys of OBJECT:
  application, namespace, context
  managed         true, false before `adopt`, null when the record cannot be read
  activeByRoutes  "blue", "green", null when the routes name no one side or cannot be read
  activeByRecord  the same as the last finished step left it; for comparing only
  activeByTraffic the same as every Traefik replica shows it now; null when they differ, or one was not seen
  phase, since    phase of the open release; "settled" without one, "unmanaged", "unknown"
  next            {step, by: person|run|clock|nobody, command: what works when it is typed, with your own words for
                  "..." and NAME=REF; empty when there is nothing to type}
  release         null or {name, side, phase, reason, message, since, ended, openedBy, openedAt, settleAfter, soakMoved:
                  whether a person has moved that end, early: null or when a person wanted to be asked before that,
                  movedAt, firstNewAnswerMs, lastOldAnswerMs: what the proof heard, since the first patch (null: not
                  heard, or not known), images: {NAME: REF}, wanted: {NAME: COUNT}, commits: [{what, commit, at}],
                  hooks: [{at, name, verdict: pass|fail|unknown, or info while it runs, detail, since}],
                  phaseSeconds: {PHASE: SECONDS},
                  stopped: null or what ended the run that worked on it: {pipeline, reason, fact, at,
                  approval: stands|withdrawn|none, run}; gone with the next phase, and when a run acts again}
  comingUp        null or, while it is `deploying`, {text, services: [{name, ready, wanted}]}: its pods that are Ready,
                  or, in text, what Git has not done yet
  lastRelease     the one before, in the same shape, or null
  queued          [{service, image, at, by}]: builds that wait for the release to end
  refusedBuild    null or {fact, at}: the last build event, where it started nothing; CI does not hear of that
  waitsFor        null or {question, kind, release, summary, askedAt, expiresAt,
                  state: open|approved|rejected|rollback|expired|void, flowRun, url, changes: [LINE],
                  plan: [{of: routes|work|migrations|a rollback|what goes|what stays|autoscalers, lines: [LINE]}],
                  compared: [{service, old: {image, ready, wanted, cpu, memory: "REQUEST / LIMIT", restarts: null where
                  they are not known}, new}]: both sides as they stood then,
                  lookFirst: [COMMAND or address], whoMay: null or who may approve, by the policy,
                  ticks: [{name, text, required}]: what is to be said with a yes,
                  evidence: [{gate, verdict, detail}] (a verdict "info" is only shown),
                  decision: null or {decision, by, via, reason, at, spent, ticks: [NAME],
                  void: why it counts for nothing, or empty}}
  kept            null or {side, since, days, why, costs, pods, cpu: cores, memoryBytes}: an old side that is up beyond
                  its soak, since nobody answered in time or somebody said no, and what its pods ask for
  held            null or {reason: Frozen|FreezeUnknown|WindowClosed, text, frozen: null or {by, why, since}, opensAt:
                  null or when the next window opens, thaw: what ends it when it is typed, else empty}: why no flip
                  and no scale-down begins now
  breakGlass      null or {kind: flip|scale-down, by, reason, at, expiresAt}: whose word passes that for this release
  migrations      the ledger of databases, the oldest first: [{database, release, before, after: empty while nobody has
                  read it, at, by, state: expanded (still to be contracted)|contracted|reverted, endedAt, endedBy,
                  endedAs: the version then, text}]; the last three once it is contracted or reverted
  clones          [SENTENCE: a copy of a database that a release comes up on, until it is dropped]
  stopped         [SENTENCE: a side's own database that takes no writes, while users are on the other side]
  maintenance     null, or {flag, value, since, leftOn: it could not be taken off, off: the command that does}: the flag
                  that says so while users are moved
  darkPreview     null, or {address, side: null or the one that it is to lead to, text, right: whether it does}
  wayBack         {way: fast|slow|abort|none|unknown, side, services: [{name, ready, wanted}], why: null, or why
                  `rollback` would be refused now, byHand: [the kubectl lines that do the same, as they are now],
                  foreignLines: [SENTENCE: an annotation flipgate.dev/way-back that is not flipgate's line],
                  offLiveSide: what sends users off a live side that is not ready, where the other one is up; else ""}
  conditions      [{type, status: "True"|"False"|"Unknown", reason, message, since}]; the types are
                  WayBackReady, while a release is baking, live or settling: could users go back to what they left?
                  Reasons, the most important first: ContractMigrationDone, WorkloadMissing, NotReady, ImagesChanged,
                  ConfigurationChanged, QuotaTooSmall, AutoscalerMayShrink; Unreadable (Unknown); WayBackOpen (True)
                  Drifted, once APP is adopted: RoutesElsewhere (True), AsRecorded, StepUnderWay, Unreadable (Unknown)
                  LiveSideReady, while the routes name one side and users are not being moved: is that side as it should
                  be? Reasons, the most important first: NoReadyPod (of a serving service), WorkloadMissing, TooFewPods
                  (fewer than the file asks for, and no autoscaler that may have shrunk it; more than a quarter of its
                  pods not Ready), ImagesChanged; Unreadable (Unknown); LiveSideServes (True)
                  DarkSideWorks, where what has to work on the live side only works on the dark one, too: WorksTwice
                  (True); WorksOnce, after it
                  RoutesInGit, where the file keeps routes in Git: do they lead there where the routes do? GitAgrees
                  (True); GitBehind, GitStaysBehind, GitAway, AwaitsMerge, Drifted. Only reconcile asks Git: lookedAt
                  says when
                  GitAccess, where the file has a git section: do a release's credentials read the branch, and may they
                  push? GitLetsIn (True); GitRefuses; Unreadable (Unknown). Reconcile tries: lookedAt says when
                  GatesPass, where the file has gates at soak, while a release soaks: do they pass? GatesPass (True);
                  GatesNotPassed (False, or Unknown). Only reconcile asks them: lookedAt says when
                  Held, while no move may begin: Frozen, WindowClosed (True); FreezeUnknown (Unknown)
                  Unwatched, once APP is adopted: has reconcile not succeeded for three of its intervals (900 s)?
                  ReconcileOverdue, NeverReconciled (True), Reconciled, JustAdopted (False), ClockAhead, Unreadable
                  (Unknown). Its `since`: three intervals after the last success; the first success in a row
                  BuildsLeft, where builds wait and each run that was to release them has failed: RunFailed (True)
  openEntry       null or the journal entry that has begun and not ended
  drift           null or a sentence; openEntry and drift are not known where `managed` or routes could not be read
  routes          [{kind, namespace, name, found, side, sides, via, others, text}]; via: other routes of the application
                  that it leads to. Where it leads nowhere else, `side` is null and they say the side
  traffic         [{replica, side, text}]: what each Traefik replica answered within 2 s; replica is null when none
                  could be asked. What is not seen is no problem, and changes no exit code
  sides           {blue|green: {namespace, active, contracted: null or {reason, by, at}, works: [SENTENCE],
                  stop, services: [{name, role, found, ready, wanted, image, suspended, consumes}]}}; works: what runs
                  or consumes on the dark side, too; stop: what ends that when it is typed, else empty; suspended
                  is null for what is no CronJob; consumes, of a mixed service, is what its pods are told, else null
  undelivered     announcements not yet told; null when the record cannot be read
  undeliveredSince  null or the time of the oldest of them
  problems        [{of, fact}]: what could not be read, and why"""


@click.command(
    cls=Verb,
    details={"Data": DATA},
    examples="""\
        flipgate status                                       all applications
        flipgate status sportsdata
        flipgate status sportsdata --watch                    again every 2 s until Ctrl-C
        flipgate status sportsdata -o json | jq -r .phase
        flipgate status sportsdata -o wide                    whole image names, evidence, times""",
)
@click.argument("app", required=False)
@click.option("-w", "--watch", is_flag=True, help="Look again every 2 s until Ctrl-C.")
@click.option(
    "--timeout", type=click.FloatRange(min=0), default=None, metavar="SECONDS", help="End --watch after this long."
)
@output_option("json", "yaml", "wide")
@cluster_options
def status(options: ClusterOptions, app: str | None, watch: bool, timeout: float | None, output: str | None) -> None:
    """Where traffic is, what happens, who is waited for, and whether the way back is open.

    Reads the cluster only: works with Prefect down. A record that cannot be read hides neither routes nor sides. Exit
    code 1 when something could not be read. Each Traefik replica is asked once which side answers, within 2 s.
    """
    cluster = options.cluster()
    if watch:
        _watch(options, cluster, app, output, timeout)
        return
    found = _look(options, cluster, app)
    _show(found, app, output)
    if any(data["problems"] for data in found):
        sys.exit(1)


def _watch(
    options: ClusterOptions, cluster: Cluster, app: str | None, output: str | None, timeout: float | None
) -> None:
    """Renders again and again. A cluster that is away for a moment ends nothing."""
    ends = None if timeout is None else time.monotonic() + timeout
    try:
        while True:
            try:
                found = _look(options, cluster, app)
                click.clear()
                _show(found, app, output)
            except TemporaryError as error:
                echo(f"error: {error}", err=True)
            if ends is not None and time.monotonic() + WATCH_SECONDS > ends:
                return
            time.sleep(WATCH_SECONDS)
    except KeyboardInterrupt:
        return


def _look(options: ClusterOptions, cluster: Cluster, app: str | None) -> list[dict[str, Any]]:
    """One application, or all. Of many, one that cannot be opened is told on stderr and hides no other."""
    if app is not None:
        return [_one(options, cluster, app)]
    from flipgate.adapters.store import applications

    found, failed = [], None
    for name in applications(cluster, options.namespace):
        try:
            found.append(_one(options, cluster, name))
        except FlipgateError as error:
            failed = error
            echo(f"error: {error}", err=True)
    if failed and not found:
        raise failed
    return found


def _one(options: ClusterOptions, cluster: Cluster, name: str) -> dict[str, Any]:
    from flipgate.cli._status_data import as_data
    from flipgate.core.way_back.next_step import next_step
    from flipgate.steps.watching.status import collect

    facts = collect(options.world(name, cluster))
    return as_data(facts, next_step(facts), options.namespace, cluster.context)


def _show(found: list[dict[str, Any]], app: str | None, output: str | None) -> None:
    if output in ("json", "yaml"):
        emit(found[0] if app else {"applications": found}, output)
        return
    from datetime import UTC, datetime

    from flipgate.cli._status_text import many, one

    now = datetime.now(UTC)
    if not found:
        echo("no application is known to this cluster; next: flipgate apply -f APP.yaml", err=True)
    elif app:
        echo("\n".join(one(found[0], now, wide=output == "wide")))
    else:
        echo("\n".join(many(found, now)))
