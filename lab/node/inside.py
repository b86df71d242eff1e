"""Run as a program of its own: shows a command its container's volumes where the manifest mounts them, and becomes it.

In a mount namespace of the process's own, a new root is made: everything of this machine's root where it is, and the
volumes over it. Nothing is made on the machine itself: folders that a volume needs and the machine lacks are in the new
root alone. Loads nothing but the standard library, for each container and each `exec` waits for it.
"""

import ctypes
import json
import os
import sys

_NEW_NAMESPACE = 0x20000
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE = 0x1, 0x20, 0x1000, 0x4000
_UNBINDABLE, _SLAVE = 1 << 17, 1 << 19
_KEPT = os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC  # the kernel refuses to take these from a mount that has them
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    order = json.loads(sys.argv[1])
    try:
        enter(order["root"], [tuple(mount) for mount in order["mounts"]])
    except OSError as error:
        sys.exit(f"cannot mount the container's volumes: {error}")
    os.chdir(next(folder for folder in (*order["folders"], "/") if os.path.isdir(folder)))
    try:
        os.execv(sys.argv[2], sys.argv[2:])
    except OSError as error:
        print(f"exec: {sys.argv[2]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


def enter(root: str, mounts: list[tuple[str, str, bool]]) -> None:
    """Make the new root in the empty folder `root` and go there. A mount is (source, target, read only)."""
    _checked("unshare", _libc.unshare(_NEW_NAMESPACE))
    _mount("none", "/", _SLAVE | _RECURSIVE)
    _mount("tmpfs", root, 0, b"tmpfs")
    _mount("none", root, _UNBINDABLE)  # or it would be found in itself
    resolved = [(source, os.path.realpath(target), read_only) for source, target, read_only in mounts]
    _copy("/", root, split([target for _, target, _ in resolved]))
    for source, target, read_only in sorted(resolved, key=lambda mount: mount[1].count("/")):
        _bind(source, root + target)
        if read_only:
            kept = os.statvfs(root + target).f_flag & _KEPT
            _mount("none", root + target, _BIND | _REMOUNT | _READ_ONLY | kept)
    os.chroot(root)


def split(targets: list[str]) -> set[str]:
    """The folders whose entries are shown one by one: what the machine lacks of a target can be made beside them."""
    found = {"/"}
    for target in targets:
        above = os.path.dirname(target)
        while not os.path.isdir(above):
            above = os.path.dirname(above)
        if not os.path.lexists(target):
            while above not in found:
                found.add(above)
                above = os.path.dirname(above)
    return found


def _copy(folder: str, shown: str, apart: set[str]) -> None:
    for entry in os.scandir(folder):
        there = os.path.join(shown, entry.name)
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), there)
        elif entry.path in apart:
            os.mkdir(there)
            os.chmod(there, entry.stat().st_mode & 0o7777)
            _copy(entry.path, there, apart)
        else:
            _bind(entry.path, there)


def _bind(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(source, target, _BIND | _RECURSIVE)


def _mount(source: str, target: str, flags: int, kind: bytes | None = None) -> None:
    _checked(target, _libc.mount(os.fsencode(source), os.fsencode(target), kind, ctypes.c_ulong(flags), None))


def _checked(what: str, answer: int) -> None:
    if answer:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


if __name__ == "__main__":
    main()
