"""What each reason means to people, and what they do about it. docs/reasons.md is made from here
(`python -m flipgate.core.values.reasons_page > docs/reasons.md`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why

_NOT_KNOWN = re.compile(r"\b(RELEASE|SIDE)\b")


@dataclass(frozen=True)
class Entry:
    """What people read about a reason, without a sentence's end."""

    meaning: str
    to_do: str

    def command(self, application: str) -> str:
        """What to type for this application; where what to do is no command that works as it stands, its status."""
        whole = "APP" in self.to_do and not _NOT_KNOWN.search(self.to_do)
        return self.to_do.replace("APP", application) if whole else f"flipgate status {application}"


_TABLE = """\
AddressUnknown | the declared address has no IP address | correct spec.traffic.address, or the name server
AlreadyAnswered | the question has its answer | flipgate status APP
AlreadyLive | these images and this configuration are live | nothing; a tag that was pushed anew: the same with --again
AlreadyRuns | `init` found pods on the side that users are on | flipgate adopt APP
ApprovalExpired | nobody decided in time, or the yes was used too late: a no | flipgate status APP (names the command)
ApprovalSpent | the yes was used by a move already | flipgate status APP (names the command)
Approved | a person said yes to the move | nothing
AsRecorded | routes and record name the same side | nothing
AutoscalerMayShrink | an autoscaler may leave the old side fewer pods than it carried | raise its minReplicas
AwaitsMerge | a merge request would have Git lead users where they are | a person merges it; the message names it
BackupTooOld | the newest backup is too old, or nobody can say when it was made | make a backup, then the same again
BakeFailed | a gate of the bake failed: users are sent back | flipgate history APP RELEASE
BakePassed | the gates passed through the bake; the release soaks | flipgate scale-down APP, after the soak
BakeUnknown | the gates could not tell: nobody is moved | flipgate flip APP, or flipgate rollback APP --reason "..."
BasisChanged | what would change is not what was approved | flipgate status APP (names the command)
BreakGlass | a person passes freezes, closed windows and gates for one move | flipgate history APP RELEASE
BuildAnnounced | a new build opened the release | nothing
BuildQueued | a build waits for the open release to end | flipgate status APP says for which, and what ends it
BuildRefused | a build event cannot be read, or names what the file does not have | the message says what; send it again
BuildsLeft | builds wait, and each run that was to release them failed | flipgate status APP (names the command)
CannotSee | the proof could not look through a Traefik replica before the move | the message names what; flipgate check
ChecksFailed | a declared check failed on the dark side | flipgate history APP RELEASE names it
ChecksPassed | the dark side is up, Ready and checked | flipgate flip APP
ClaimNotBound | a StatefulSet's pod has no volume: nothing binds its claim | kubectl describe pvc; the message names it
ClockAhead | reconcile's last success lies in the future: clocks differ | date -u, here and on the worker
CloneFailed | a copy of a database could not be made, left or dropped | flipgate history APP RELEASE; docs/database.md
CommandsNotAllowed | the worker would not run a program of the file | put it into the worker's FLIPGATE_COMMANDS folder
CommitLeft | the commit of a failed release is not taken back | the message says why; revert it, or leave it
CommitTakenBack | the commit of a failed release is taken back, as the file asks | nothing
ConfigMapMissing | the ConfigMap that tells pods what to do is not there | create it; the message names it
ConfigurationChanged | the old side's ConfigMaps are not what it ran with | put them back, or go forward
ContainerMissing | a workload has no container of the declared name | correct the file or the workload
ContentDiffers | pods of one tag run different content, or other content than was approved | name the digest, or --again
ContractMigrationDone | the code of the old side can no longer read the data | go forward: flipgate deploy with a fix
DarkPreviewNotKept | routes of the dark preview were not made or taken away | reconcile tries again; flipgate check
DatabaseDirty | a migration of the database stopped half way before | put it right with its own tool: docs/database.md
DeadRouteApi | Traefik's routes are served under an API group that Traefik 3 no longer reads | migrate them
DecisionWanted | a person is asked | flipgate approve APP --reason "...", or flipgate reject APP --reason "..."
DeclaredTwice | another application writes a flag or a copy of this one | give each its own; the message names it
DeployAborted | a person ended a release that users had not seen | flipgate deploy APP --image NAME=REF (another)
DeployStopped | a deploy's run failed with its release open: it is tried again | flipgate status APP (says why)
DeploymentPaused | a Deployment is paused, so its new pods never come up | kubectl rollout resume; the message names it
DriftEnded | the routes are where the record says again | nothing
Drifted | the routes are not where flipgate left them | flipgate status APP (names the command)
EarlyScaleDown | a person wants the scale-down before the soak ends | flipgate status APP (names the command)
FlipStopped | the run that moves users failed with its release open | flipgate status APP (says who goes on)
ForeignApproval | the decision answers another question | flipgate status APP
ForeignPods | Services of the routes lead to pods that no declared workload has made | take them away, or declare it
FreezeUnknown | whether all applications are frozen cannot be read: the move waits | mend the ConfigMap, or thaw
Frozen | a person has stopped the moves; a yes is kept, and the move waits | flipgate thaw APP --reason "..."
GatesNotPassed | gates fail or are unknown at their point: nothing moves | flipgate status APP (says which)
GatesPass | the gates of the soak pass | nothing
GitAgrees | the routes in Git lead where the routes in the cluster do | nothing
GitAway | the Git server has not answered for minutes; the cluster is as it should be | nothing: it is tried again
GitBehind | the routes in Git do not lead where users are yet | nothing: it is pushed, and tried again
GitLedBack | somebody's commit led users elsewhere in Git: it is led back, users stay | flipgate rollback APP, if meant
GitLetsIn | a release's credentials read the branch in Git, and may push | nothing
GitRefuses | a release's credentials do not open the branch in Git | mend the block; the message has git's words
GitStaysBehind | the same for minutes | the message says why; Flux leaves the routes alone until then
HeaderMissing | an answer lacks the header that names its side | correct spec.traffic.header or the routes' middlewares
HeaderNamesNoSide | the declared header names neither side | correct the file or the middlewares
HookFailed | a hook did not pass, or could not be run | flipgate history APP RELEASE says what it wrote
ImageUnknown | no image is known for a service | flipgate deploy APP --image NAME=REF
ImagesChanged | a side runs other images than its release | flipgate restore sets them again, adopt takes them as right
Interrupted | the command was stopped from the keyboard | flipgate status APP
JobsStillRunning | Jobs of the other side run on in the way of the new one's | wait for them, or end them
JournalOpen | another step is open in the journal | flipgate rollback APP --reason "...", or run the reconcile flow
JustAdopted | reconcile has not run since the adoption, and is not overdue | nothing
LeadsElsewhere | a Service that a route would name leads out of its side | correct the Service
LeaseHeld | another actor is at work on the application | wait, or: flipgate rollback APP --reason "..."
LeftBehind | a route names something of a side that no move takes along | copy it out of the side; the message names it
LiveSideAdopted | what others changed of the live side is right, a person said | nothing
LiveSideFound | the live side is as it was released again | nothing
LiveSideNotReady | the live side lacks Ready pods: the old side is kept | kubectl get pods there
LiveSideNotRestored | the live side asks for too few pods after it was scaled up | flipgate status APP
LiveSideRestored | the live side is put right: what flipgate had put to rest itself, or on a person's word | nothing
LiveSideServes | the live side is as it was released | nothing
LiveSideShort | users are on a side that is not as it was released | flipgate status APP; docs/3am.md
LostLease | another actor has taken the application over | nothing; that one goes on
MaintenanceLeftOn | the maintenance flag could not be taken off | the command in the message; reconcile tries again
MaintenanceNotSet | the maintenance flag could not be set, so nobody was moved | flipgate check APP
MaintenanceOff | the maintenance flag is taken off, or is somebody else's by now | nothing
MigrationFailed | a migration did not pass, or a version is not known | flipgate history APP RELEASE; docs/database.md
MoveUndone | a move that changed no route in the end was taken back | flipgate flip APP (asks again)
MovedOn | the application has changed since it was looked at | look again, then the same
NamespaceMissing | a namespace of the application is not there | create it
NeverReconciled | reconcile has never succeeded here | prefect deployment ls; the run's log
NewerBuild | a newer build took the side over | nothing
NewerRecord | a newer flipgate wrote the record | upgrade this one
NoApproval | no yes stands for this move by now | flipgate status APP (names the command)
NoDarkSide | the routes do not agree on one side, so neither is dark | flipgate status APP
NoDecision | nobody has decided yet | flipgate approve APP --reason "...", or flipgate reject APP --reason "..."
NoOpenRelease | no release is open | flipgate deploy APP --image NAME=REF
NoPrefect | no Prefect server is configured | prefect config set PREFECT_API_URL=URL
NoQuestion | nothing is asked | flipgate status APP
NoReadyEndpoints | a Service that a route would name has no Ready endpoint | look why its pods are not Ready
NoReadyPod | a serving service of the live side has no Ready pod | scale it, or go back; docs/3am.md
NoRouteApi | the cluster serves no API of the declared routes | install Traefik's resource definitions
NoSuchTransition | a release cannot go from its phase to that one | flipgate status APP
NoTraefik | no Ready Traefik pod was found to look through | correct spec.traffic.traefik, or start it
NoWayBack | there is nothing to go back from, or nothing to go back to | --to SIDE, or go forward; docs/3am.md
NotAWayBack | the side runs what nobody approved: going there is a flip | flipgate flip APP
NotAnApprover | who said yes is not among those whom the policy names | flipgate status APP (names who may)
NotApplied | the cluster does not run what is pushed, or Flux is suspended | the message says why; the same build again
NotFound | the application is not managed, or an object is not there | flipgate adopt APP
NotReady | the old side lacks Ready pods | kubectl get pods there
NotReadyInTime | the dark side's pods did not become Ready in time | the message has Kubernetes' own reason
NotServed | the route answers an error that no side gave | correct spec.traffic host and path, or the route
NothingRuns | `adopt` found no pods on the side that users are on | flipgate init APP
NothingToClose | no way back is open that a contract migration could close | nothing
NothingToMigrate | the ledger has no expansion of this database that is open | flipgate status APP (shows the ledger)
OldSideAtRest | the old side is scaled down; the release is closed | nothing
OldSideKept | the soak is over, and the old side is kept: nobody answered, or somebody said no | flipgate scale-down APP
OtherKind | a workload is there as another kind than the file says | write the kind that the message names
OtherSideAnswers | answers come from the other side than the routes say | flipgate status APP
OverlayNotSet | the overlay in Git cannot be given these images alone | the message says why
PodsHeldBack | a StatefulSet keeps pods at the template before | the message says why, and names the command
PodsRefused | the API server refuses the pods: a quota, a LimitRange, PodSecurity, a webhook | the message has its words
PreflightFailed | something around the images is not as a release needs it on the dark side | flipgate check APP
PreviewNotMade | the preview's routes could not be made | flipgate check names missing rights
PreviewNotSeen | the preview's host does not lead to the new side | look at the routes' middlewares and Traefik's log
PushRefused | others pushed to the branch before flipgate, time and again | the same build again
QuestionGone | the question was withdrawn, or its release has gone on | flipgate status APP
QuotaTooSmall | a quota leaves the old side no room to come up again | raise it
ReconcileOverdue | reconcile has not succeeded for three turns | prefect flow-run ls --flow-name reconcile
Reconciled | reconcile succeeds | nothing
RedirectedToHttps | who asks by http is sent to https | declare spec.traffic.scheme: https
ReferenceGrantMissing | a route may not refer to a Service of a side | create the ReferenceGrant that the message names
Rejected | a person said no | flipgate flip APP (asks again)
ReleaseGone | the release that the question is of is not open any more | flipgate status APP
ReleaseOpen | a release holds both sides | flipgate status APP; where it soaks, flipgate scale-down APP after that
RequestWithdrawn | a merge request is over: users were sent elsewhere, or the file has no routes in Git | close it
ResumeRejected | Prefect did not take the decision; the record has it | the run's page
RollbackRequested | a person, or an unfinished way back, sends users back | nothing
RouteChanged | somebody else changed a route during the move: all routes are back | find who; then flip again
RouteMissing | a declared route is not there | create it, or correct the file
RouteUnknown | no route can be sent to the side | --to SIDE, or by hand; docs/3am.md
RoutesElsewhere | the routes are not where the record left them | flipgate status APP (names the command)
RoutesSplit | the routes name both sides, or neither | flipgate rollback APP --to SIDE
RunFailed | the run that was waited for ended badly, or a person took its release another way | flipgate status APP
SamePerson | who said yes opened the release, or may be who did (twoPersons) | flipgate status APP (names who may)
ScaleDownStopped | the run that rests the old side failed with its release open | flipgate status APP (says who goes on)
ScaledByAnother | an autoscaler, or somebody else, took pods from the dark side | raise its least; the message names it
SchemaNeeded | code that has pods needs what the migration would take away | flipgate status APP (names the releases)
SelfDeclared | the policy says who may approve, and nobody has proven this name | flipgate status APP (names who may)
ServiceMissing | a Service that a route would name is not there | create it
ServicePortMissing | a Service that a route would name lacks the port | correct the Service or the route
SettleApproved | a person gave the fast way back up | nothing
SideChanged | somebody else wrote the side since it was looked at | flipgate status APP, then the same again
SideIsLive | the release's side has the live traffic by now | flipgate status APP
SniNeeded | Traefik refuses TLS without the name of a host | declare spec.traffic.address
SoakExtended | a person keeps the old side longer | nothing
StatusNotExpected | the live side answers with another status than the declared one | correct spec.traffic.probe.status
StepUnderWay | a step is open and explains where the routes are | nothing; reconcile ends it if its run is gone
StillSoaking | the soak is not over | flipgate scale-down APP, after that time; before it with --early --reason "..."
Superseded | another release is open by now | flipgate status APP
TemplateDiffers | the dark pods may do more, or run other code, than the live ones | declare it: mayChange
Thawed | moves may begin again | nothing: reconcile goes on with what waits
TickMissing | the yes lacks what a person has to say with it | flipgate status APP (names the command)
TlsFailed | no TLS came about at the declared port | correct spec.traffic.traefik.httpsPort
TooFewPods | a serving service of the live side has fewer pods than it should | scale it, or go back
TooFewReady | the new side has fewer Ready pods than users need | wait, or look why; then flip again
TrafficNotProven | not every Traefik replica shows the new side; after a flip users go back | the message names them
TrafficProven | every Traefik replica shows the new side | nothing
TrafficRestored | users are back on the old side | flipgate history APP RELEASE
TurnedAway | something in front of the host answers flipgate's own requests | declare spec.traffic.probe.headers
UndeclaredRoute | users are led to the old side by what is not declared | let it lead to the live side, then declare it
Unexpected | an error that flipgate does not know | the same again with --debug
Unmanaged | the application has no record | flipgate adopt APP (flipgate init APP, where nothing ran yet)
Unreadable | something could not be read, so nothing is said of it | the message names it; flipgate check
Usage | what was typed cannot be meant | the verb's --help
WayBackBad | the old side came up and fails its own checks | choose with --to SIDE
WayBackClosed | a contract migration closed the way back | go forward
WayBackFound | the way back is open again | nothing
WayBackLost | the old side is no longer as users left it | flipgate status APP (names what)
WayBackNotReady | a service of the old side has no Ready pod | --to SIDE brings it up first; docs/3am.md
WayBackOpen | users could go back to the old side at once | nothing
WindowClosed | no window is open: a yes is kept, and the move waits | nothing: flipgate status APP says when it opens
WorkersNotReady | what works beside the requests did not come up on its side | look why its pods are not Ready
WorkloadMissing | a Deployment or CronJob that the release needs is gone | install it again
WorksOnce | nothing works on the dark side any more | nothing
WorksTwice | what has to work on the live side only works on the dark, too | the message names the line that stops it
WritesNotCarried | not all that users wrote was carried over: nobody moves | flipgate status APP; docs/database.md
WritesStopped | users are on a side whose database takes no writes | its `allow` program; reconcile tries again
WrittenBack | Flux applies what a release writes, and the file lacks it in Git | the message has the section to write
WrongPhase | the release is in a phase that this is not for | flipgate status APP
"""
"""A line each: the word, what it means, what to do or to type (APP and RELEASE stand for names). A command with APP is
the next one that a refusal names by itself."""


def _entries() -> dict[Why, Entry]:
    rows = (line.split(" | ") for line in _TABLE.splitlines())
    return {Why(word): Entry(meaning, to_do) for word, meaning, to_do in rows}


ENTRIES: Mapping[Why, Entry] = MappingProxyType(_entries())
