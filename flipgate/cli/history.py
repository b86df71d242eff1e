"""`flipgate history`: the finished releases, or the whole story of one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import ClusterOptions, cluster_options, output_option
from flipgate.cli._print import clock, echo, emit, table

if TYPE_CHECKING:
    from flipgate.adapters.store import Store

DATA = """\
-o json: {"application", "releases": [RELEASE, ...], "problems": [{"of", "fact"}]: releases that cannot be read}
  RELEASE is {"name", "id", "attempt", "side", "phase", "reason", "message", "openedBy", "approvedBy": whose yes the
          flip has, or null, "openedAt", "endedAt", "movedAt", "firstNewAnswerMs", "lastOldAnswerMs":
          what the proof heard, since the first patch (null: not heard, or not known), "images",
          "commits": [{"what", "commit", "at"}] in the team's repository, "phaseSeconds",
          "changes": [{"phase", "reason", "at", "message"}]}
-o json with RELEASE is one object: {"application", the keys of RELEASE ("endedAt" is null while it is open), and
  settleAfter, wanted
  shown       [{"replica", "firstNewAnswerMs", "lastOldAnswerMs"}]: the same through each Traefik replica
  decisions   [{"kind": flip|scale-down, "decision": approve|reject|expired|break-glass, "by", "via", "reason", "at",
              "evidence", "identity": {"user", "group", "door"}: where the name is proven, with the group of
              the policy}]
  judgements  [{"step": preflight|checks|bake|"hooks POINT", "verdict": pass|fail|unknown, "at", "evidence"}]
  journal     [{"id", "step", "state": begun|done|undone, "actor", "at", "ended", "release", "intent", "outcome"}]
  timeline    all of them in order: [{"at", "kind": phase|decision|judgement|step, "what", "text", "by", "seconds",
              "open": it goes on, or nobody knows how it ended, "evidence"}]
  problems    [{"of", "fact"}]: what could not be read beside it}
  "evidence" is [{"gate", "verdict", "detail"}], of judgements with "seconds" and a program's "output", where there are
  any; a verdict "info" is only shown. Times are ISO 8601, UTC.
-o json with --verify: {"application", "ok", "releases", "links", "head": the newest link's hash, or null,
  "headOf": {"release", "what", "at"} of the link that --head names, or null, "begins": {"release", "continues": the
  hash of one that was let go, or null}, or null, "without": older releases that have no chain, "notes": [SENTENCE],
  "problems": [{"release", "of": copy|history|record, "what", "at", "fact", "expected", "found"}]}, the first one first
-o junit with RELEASE is JUnit XML: a suite of its checks, another of its bake, as they were judged last. fail is a
  failure, unknown an error, info skipped; a release that was never checked has one case, an error."""


@click.command(
    cls=Verb,
    details={"Data": DATA},
    examples="""\
        flipgate history sportsdata
        flipgate history sportsdata -o wide                                     who approved, and images, too
        flipgate history sportsdata c585f074a30d-1                              the whole story of one release
        flipgate history sportsdata c58                                         the same, if no other begins so
        flipgate history sportsdata c58 -o junit > checks.xml                   for a CI server
        flipgate history sportsdata c58 -o json | jq '.decisions[].by'          who decided
        flipgate history sportsdata --verify                                    whether anything was changed since
        flipgate history sportsdata --verify --head 9c01d4e83f2a77b05e11        and since somebody kept this hash
        flipgate history sportsdata -o json | jq '.releases[0].phaseSeconds'    how long the last one took""",
)
@click.argument("app")
@click.argument("release", required=False)
@click.option("--limit", type=click.IntRange(min=1), default=None, metavar="N", help="The N newest only.")
@click.option("--verify", is_flag=True, help="Say whether all of it is as it was written, or what is not.")
@click.option(
    "--head", metavar="HASH", help="With --verify: a hash that somebody kept, as the end of a release says it."
)
@output_option("json", "yaml", "wide", "junit")
@cluster_options
def history(
    options: ClusterOptions,
    app: str,
    release: str | None,
    limit: int | None,
    verify: bool,
    head: str | None,
    output: str | None,
) -> None:
    """The finished releases, newest first: what, where, how each ended and why.

    With RELEASE, as `flipgate status` names it or the beginning of that: the whole story of that one, be it finished
    or open: phases, times, who decided and why, what checks and bake said. Reads the cluster only.

    With --verify judges the chain of all changes of phase and decisions. Exit code 1 names the first link that was
    changed, or is gone. It shows that something was changed, and not by whom: docs/security.md.
    """
    if verify or head is not None:
        _verify(options, app, head, output, alone=verify and release is None and limit is None)
        return
    if release is not None and limit is not None:
        raise click.UsageError("--limit is for the list of releases, not for one of them.", click.get_current_context())
    if release is None and output == "junit":
        raise click.UsageError("-o junit is for one release: name it.", click.get_current_context())
    store = options.world(app, quiet=bool(output)).store
    if release is None:
        _show_all(store, limit, output)
    else:
        _show_one(store, release, output)


def _verify(options: ClusterOptions, app: str, head: str | None, output: str | None, *, alone: bool) -> None:
    from flipgate.cli._verify import need_hash, told

    if not alone or output not in (None, "json", "yaml"):
        raise click.UsageError("--verify is for all releases, as text, json or yaml; --head is for --verify.")
    told(options.world(app, quiet=bool(output)).store, need_hash(head), output)


def _show_one(store: Store, release: str, output: str | None) -> None:
    from flipgate.cli._story import as_data, find
    from flipgate.cli._story_text import lines

    found = find(store, release)
    data = as_data(store.name, found, datetime.now(UTC))
    if output in ("json", "yaml"):
        emit(data, output)
        return
    for problem in found.problems:
        echo(f"left out: {problem}", err=True)
    if output == "junit":
        from flipgate.cli._junit import junit

        echo(junit(data))
        return
    echo("\n".join(lines(data, wide=output == "wide")))


def _show_all(store: Store, limit: int | None, output: str | None) -> None:
    from flipgate.cli._story import release_data

    now = datetime.now(UTC)
    releases = [release_data(release, now) for release in store.history()[:limit]]
    problems = store.history_problems()
    if output in ("json", "yaml"):
        told = [{"of": problem.obj, "fact": problem.fact} for problem in problems]
        emit({"application": store.name, "releases": releases, "problems": told}, output)
        return
    for problem in problems:
        echo(f"left out: {problem}", err=True)
    if not releases:
        echo(f"application {store.name} has no finished release yet", err=True)
        return
    wide = output == "wide"
    more = ["APPROVED BY", "IMAGES"] if wide else []
    header = ["RELEASE", "SIDE", "ENDED", "REASON", "OPENED", "CLOSED", "BY", *more]
    for line in table(header, [_row(release, wide) for release in releases]):
        echo(line)


def _row(release: dict[str, Any], wide: bool) -> list[str]:
    times = [clock(release["openedAt"]), clock(release["endedAt"])]
    row = [release["name"], release["side"], release["phase"], release["reason"], *times, release["openedBy"]]
    return [*row, release["approvedBy"] or "-", ",".join(release["images"].values())] if wide else row
