"""The event that an image build sends: read, and refused in a sentence that says what it has to look like."""

from __future__ import annotations

from typing import Any

from flipgate.core.spec.fields import is_name
from flipgate.core.values.errors import BadInput
from flipgate.core.values.foreign import NotJson, kind_of, parse_json, printable, shown
from flipgate.core.values.frozen import dataclass

RESOURCE = "flipgate.application."
"""What the event's resource begins with; the application's name follows."""
SHAPE = '{"application": "APP", "images": {"SERVICE": "REPOSITORY:TAG"}}'


@dataclass(frozen=True)
class BuildEvent:
    """New images of one application, by service name."""

    application: str
    images: dict[str, str]
    again: bool = False
    """Whether they are to be released although they are live: their tags were pushed anew."""


def application_of(resource: str) -> str:
    """Returns the application that an event is about, by its resource. Raises BadInput where it names none, or what no
    application is called."""
    name = resource.removeprefix(RESOURCE)
    if name == resource or not is_name(name):
        raise BadInput(f"has the resource {resource!r}, not {RESOURCE}APP", obj="build event", untouched="everything")
    return name


def read_build(resource: str, payload: Any) -> BuildEvent:
    """Reads an event. Raises BadInput for one of another shape; names and images are not looked at yet.

    The payload comes as JSON's text, which Prefect leaves as it is; from a trigger that a version before deployed, as
    what it says.
    """
    application = application_of(resource)
    if isinstance(payload, str):
        payload = _parsed(application, payload)
    if not isinstance(payload, dict):
        raise _misread(application, f"is {kind_of(payload)}")
    named = payload.get("application")
    if named != application:
        raise _misread(
            application,
            f"says application {named if named is None else shown(named)}, and its resource {RESOURCE}{application}",
        )
    images = payload.get("images")
    if not isinstance(images, dict):
        raise _misread(application, f"has {kind_of(images)} for images" if "images" in payload else "has no images")
    if wrong := sorted(str(name) for name, image in images.items() if not isinstance(image, str)):
        raise _misread(application, f"has no text for the images of {printable(', '.join(wrong))}")
    again = payload.get("again", False)
    if not isinstance(again, bool):
        raise _misread(application, f"has {kind_of(again)} for again, which is true or false")
    return BuildEvent(application, dict(images), again)


def _parsed(application: str, payload: str) -> Any:
    try:
        return parse_json(payload)
    except NotJson:
        raise _misread(application, "is no JSON") from None


def _misread(application: str, fact: str) -> BadInput:
    return BadInput(
        f"has a payload that {fact}; it has to be {SHAPE}",
        obj=f"build event for {application}",
        untouched="both sides: nothing was started",
    )
