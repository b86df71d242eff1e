"""How a sample pod is told to misbehave: by its image's tag, or by an annotation that is honoured while it runs."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

BEHAVIOUR_ANNOTATION = "lab.flipgate.dev/behaviour"
START_ANNOTATION = "lab.flipgate.dev/start-seconds"
DRAIN_ANNOTATION = "lab.flipgate.dev/drain-seconds"
CONSUME_KEY = "consume"
"""In a mounted ConfigMap: whether to consume. `/health` says whether it does."""
RUN_ANNOTATION = "lab.flipgate.dev/run-seconds"
"""How long a pod of a Job works before it ends; any other pod serves until it is stopped."""
STARTS_FILE = "starts"
"""In the first volume that holds data: how often the container has started on it. `/` says it, too."""
START_SECONDS = 0.2
RUN_SECONDS = 1.0
DRAIN_SECONDS = 1.0

_WORD = r"never-ready|crash|pull-fails|bus-down|slow-\d+ms|errors-\d+pct"
_TAG = re.compile(rf"(?P<version>.*?)(?P<words>(?:-(?:{_WORD}))*)")
_WORDS = re.compile(_WORD)


@dataclass(frozen=True)
class Behaviour:
    """What a sample pod does wrong. `unknown` keeps the words that nobody understood, so that they can be told."""

    never_ready: bool = False
    crash: bool = False
    pull_fails: bool = False
    bus_down: bool = False
    slow_seconds: float = 0.0
    errors_percent: int = 0
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Image:
    """An image's name, taken apart: `registry/sportsdata/api:1.2-crash` is service `api`, version `1.2`."""

    name: str
    service: str
    version: str
    words: tuple[str, ...]

    @property
    def is_sample(self) -> bool:
        return "sportsdata/" in self.name


def parse_image(name: str) -> Image:
    """Take an image's name apart; the version of an image without a tag is `latest`."""
    plain = name.split("@", 1)[0]
    _, _, last = plain.rpartition("/")
    service, _, tag = last.partition(":")
    match = _TAG.fullmatch(tag or "latest")
    assert match is not None  # the pattern matches any text
    return Image(name, service, match["version"], tuple(_WORDS.findall(match["words"])))


def parse_behaviours(words: Iterable[str]) -> Behaviour:
    """Turn words such as `slow-500ms` and `errors-10pct` into one behaviour."""
    never_ready = crash = pull_fails = bus_down = False
    slow_seconds, errors_percent = 0.0, 0
    unknown = []
    for word in filter(None, (word.strip() for word in words)):
        if word == "never-ready":
            never_ready = True
        elif word == "crash":
            crash = True
        elif word == "pull-fails":
            pull_fails = True
        elif word == "bus-down":
            bus_down = True
        elif match := re.fullmatch(r"slow-(\d+)ms", word):
            slow_seconds = int(match[1]) / 1000
        elif match := re.fullmatch(r"errors-(\d+)pct", word):
            errors_percent = min(int(match[1]), 100)
        else:
            unknown.append(word)
    return Behaviour(never_ready, crash, pull_fails, bus_down, slow_seconds, errors_percent, tuple(unknown))


def behaviour_of(image: Image, annotations: Mapping[str, str]) -> Behaviour:
    """The behaviour in force: the annotation where there is one (an empty one heals the pod), else the image's tag."""
    told = annotations.get(BEHAVIOUR_ANNOTATION)
    return parse_behaviours(image.words if told is None else told.split(","))


def seconds_of(annotations: Mapping[str, str], name: str, default: float) -> float:
    """An annotation's number of seconds; what is no number, or is negative, counts as not given."""
    try:
        seconds = float(annotations.get(name, default))
    except ValueError:
        return default
    return seconds if 0 <= seconds < float("inf") else default
