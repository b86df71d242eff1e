"""The images of a side as its overlay says them: `images:` of a kustomization.

Entries as kustomize reads them (sigs.k8s.io/kustomize/api/types/image.go): `name` is what the manifests say, `newName`
what it becomes, then `newTag`, `digest`, or both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import yaml

from flipgate.core.git import edits
from flipgate.core.git.edits import Splice
from flipgate.core.spec.images import Image, parse_image
from flipgate.core.values.errors import BadInput, NotFound, Refused
from flipgate.core.values.reasons import Why

NAMES: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""What the file may be called, in the order in which kustomize looks for it (konfig.RecognizedKustomizationFileNames).
"""
TAG: Final = "newTag"
DIGEST: Final = "digest"


def by_repository(images: Mapping[str, str]) -> tuple[Image, ...]:
    """Returns the images of a release, one a repository, by name. Raises Refused where two services of one repository
    get different ones: an overlay's `images:` has one for each repository."""
    found: dict[str, dict[str, list[str]]] = {}
    for service, ref in sorted(images.items()):
        found.setdefault(parse_image(ref).repository, {}).setdefault(ref, []).append(service)
    for repository, refs in sorted(found.items()):
        if len(refs) > 1:
            said = ", ".join(f"{' and '.join(services)} {ref}" for ref, services in refs.items())
            raise Refused(
                f"its images get one reference a repository, and {repository} would get {len(refs)}: {said}. "
                "Name the same one for each of them (--image), or have each built under a repository of its own",
                obj="the overlay",
                reason=Why.OVERLAY_NOT_SET,
                untouched="the repository and both sides",
            )
    return tuple(parse_image(next(iter(refs))) for _, refs in sorted(found.items()))


def kustomization_in(folder: str, find: Callable[[str], str | None]) -> tuple[str, str]:
    """Returns the path and the text of a folder's kustomization; `find` gives a file's text. Raises NotFound."""
    for path in (f"{folder}/{name}" for name in NAMES):
        if (text := find(path)) is not None:
            return path, text
    raise NotFound(f"holds none of {', '.join(NAMES)}", obj=f"folder {folder} of the repository")


def with_images(text: str, images: Iterable[Image], source: str) -> str:
    """Returns the kustomization with these images, and nothing else of it changed; the same text where it has them.

    Raises BadInput, with `source`, for what is no kustomization, and where it is written in a way that cannot be
    changed without touching more.
    """
    parts = edits.read_parts(text, source)
    if len(parts) != 1 or not isinstance(parts[0].data, dict):
        raise BadInput("is not one mapping, as a kustomization is", obj=source, untouched="the repository")
    root, wanted = parts[0].root, edits.own(parts[0].data)
    splices: list[Splice] = []
    new: list[Image] = []
    listed = wanted.get("images") or []
    nodes = edits.child(root, "images")
    for image in images:
        at = _entry_of(listed, image.repository, source)
        if at is None:
            new.append(image)
            continue
        entry = nodes.value[at] if nodes is not None else None
        splices += _set(text, entry, listed[at], image, source)
    if new:
        splices.append(_appended(text, root, nodes, new, source))
        wanted["images"] = [*listed, *(_as_entry(image) for image in new)]
    changed = edits.spliced(text, splices)
    if _read_again(changed, source) != wanted:
        fact = "is written in a way that cannot be changed without touching more than its images (anchors, merges)"
        raise BadInput(fact, obj=source, untouched="the repository")
    return changed


def _entry_of(listed: Sequence[Any], repository: str, source: str) -> int | None:
    """The entry that says the version of what the pods of this repository run."""
    effective = [str(each.get("newName") or each.get("name") or "") for each in listed if isinstance(each, Mapping)]
    if len(effective) < len(listed):
        raise BadInput("an entry of its images is no mapping", obj=source, untouched="the repository")
    return effective.index(repository) if repository in effective else None


def _as_entry(image: Image) -> dict[str, str]:
    return {"name": image.repository} | _version(image)


def _version(image: Image) -> dict[str, str]:
    said = {TAG: image.tag, DIGEST: image.digest}
    return {key: value for key, value in said.items() if value}


def _set(text: str, node: yaml.Node | None, entry: dict[str, Any], image: Image, source: str) -> list[Splice]:
    """The splices that give an entry its version; `entry`, what it says, is changed likewise."""
    if not isinstance(node, yaml.MappingNode):
        raise BadInput("an entry of its images is no mapping", obj=source, untouched="the repository")
    version = _version(image)
    gone = [key for key in (TAG, DIGEST) if key in entry and key not in version]
    come = [key for key in version if key not in entry]
    splices = [
        edits.put(text, node, key, value, source)
        for key, value in version.items()
        if key in entry and entry[key] != value
    ]
    if gone and come:  # the one takes the other's place
        splices.append(edits.rename(node, gone[0], come[0]))
        splices.append(edits.put(text, node, gone[0], version[come[0]], source))
    else:
        splices += [edits.put(text, node, key, version[key], source) for key in come]
        splices += [edits.drop(text, node, key, source) for key in gone]
    for key in gone:
        del entry[key]
    entry.update(version)
    return splices


def _appended(text: str, root: yaml.Node, nodes: yaml.Node | None, images: Iterable[Image], source: str) -> Splice:
    """The splice that lists images which the overlay did not name."""
    entries = [_as_entry(image) for image in images]
    if isinstance(nodes, yaml.SequenceNode) and nodes.flow_style:
        flow = ", ".join("{" + ", ".join(f"{k}: {edits.quoted(v)}" for k, v in e.items()) + "}" for e in entries)
        at = nodes.end_mark.index - 1
        return Splice(at, at, f"{', ' if nodes.value else ''}{flow}")
    if isinstance(nodes, yaml.SequenceNode):
        return edits.new_line(text, _last(nodes).end_mark.index, _lines(entries, nodes.start_mark.column))
    if isinstance(root, yaml.MappingNode) and root.flow_style:
        raise BadInput("is written on one line, without images", obj=source, untouched="the repository")
    if nodes is not None:  # the key alone
        return edits.new_line(text, nodes.start_mark.index - 1, _lines(entries, 2))
    return edits.new_line(text, len(text), ["images:", *_lines(entries, 2)])


def _last(node: yaml.Node) -> yaml.Node:
    """The value that is written last below a node: only of a single value it is sure where it ends."""
    while isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        below = node.value[-1]
        node = below[1] if isinstance(node, yaml.MappingNode) else below
    return node


def _lines(entries: Iterable[Mapping[str, str]], indent: int) -> list[str]:
    lines = []
    for entry in entries:
        marks = ["- ", *["  "] * (len(entry) - 1)]
        written = [key + ": " + (value if key == "name" else edits.quoted(value)) for key, value in entry.items()]
        lines += [" " * indent + mark + each for mark, each in zip(marks, written, strict=True)]
    return lines


def _read_again(text: str, source: str) -> Any:
    parts = edits.read_parts(text, source)
    return parts[0].data if len(parts) == 1 else None
