#!/usr/bin/env python3
"""Holds the rooms to what they declare. Usage: check_rooms.py [PROJECT_ROOT]

Reads every telegen_room(NAME DEPENDS …) under src/ and fails on
  - an #include "room/…" of a room that the includer's DEPENDS does not name itself (what a dependency depends on is not
    allowed by that), "abi/…" included: the kernel ABI is named like a room;
  - a DEPENDS on a room that is not declared, or a circle of them;
  - a file of more than 600 lines;
  - a room without a README.md.
A room's files are all that lie below the folder of its CMakeLists.txt and not below another room's.
"""

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

MAX_LINES = 600
SOURCES = (".h", ".cpp", ".c")
_ROOM = re.compile(r"^\s*telegen_room\s*\(([^)]*)\)", re.MULTILINE)
# A room of headers only has no archive to build and is declared by hand (src/model).
_INTERFACE = re.compile(r"add_library\s*\(\s*telegen_(\w+)\s+INTERFACE\s*\)")
_LINKS = re.compile(r"target_link_libraries\s*\(\s*telegen_(\w+)\s+INTERFACE([^)]*)\)")
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)
_KEYWORDS = ("DEPENDS", "LIBRARIES", "SOURCES")
_OUTSIDE = ("abi",)  # named like rooms, and declared elsewhere


@dataclass
class Room:
    name: str
    folder: Path
    depends: set = field(default_factory=set)


def without_comments(text):
    return re.sub(r"#[^\n]*", "", text)


def parse_rooms(source):
    """name → Room, from every CMakeLists.txt under `source`."""
    rooms = {}
    for lists in sorted(source.rglob("CMakeLists.txt")):
        text = without_comments(lists.read_text())
        for match in _ROOM.finditer(text):
            name, *words = match[1].split()
            room = rooms[name] = Room(name, lists.parent)
            keyword = None
            for word in words:
                if word in _KEYWORDS:
                    keyword = word
                elif keyword == "DEPENDS":
                    room.depends.add(word)
        for match in _INTERFACE.finditer(text):
            rooms[match[1]] = Room(match[1], lists.parent)
        for match in _LINKS.finditer(text):
            if match[1] in rooms:
                rooms[match[1]].depends |= {w.removeprefix("telegen_") for w in match[2].split() if w.startswith("telegen_")}
    for room in rooms.values():
        room.depends.discard("options")
    return rooms


def owner_of(path, rooms):
    """The room whose folder holds the file; the innermost where one lies in another."""
    holding = [room for room in rooms.values() if room.folder in path.parents]
    return max(holding, key=lambda room: len(room.folder.parts), default=None)


def included_room(include, source, rooms):
    """The name of the room that an include goes to, or None for what is no room's (generated, or beside the file)."""
    first = include.split("/")[0]
    if first in _OUTSIDE:
        return first
    target = source / include
    owner = owner_of(target, rooms)
    return owner.name if owner and "/" in include else None


def find_cycle(rooms):
    """The names of one circle of dependencies, or []."""
    done, path = set(), []

    def visit(name):
        if name in path:
            return path[path.index(name):] + [name]
        if name in done or name not in rooms:
            return []
        path.append(name)
        for other in sorted(rooms[name].depends):
            if found := visit(other):
                return found
        path.pop()
        done.add(name)
        return []

    for name in sorted(rooms):
        if found := visit(name):
            return found
    return []


def check(root):
    """Every breach, as a line of text."""
    source = root / "src"
    rooms = parse_rooms(source)
    breaches = []
    if not rooms:
        return [f"{source}: no telegen_room() was found, so nothing was checked"]
    for room in rooms.values():
        if not (room.folder / "README.md").is_file():
            breaches.append(f"{room.folder.relative_to(root)}: the room {room.name} has no README.md")
        for unknown in sorted(room.depends - rooms.keys() - set(_OUTSIDE)):
            breaches.append(f"{room.folder.relative_to(root)}/CMakeLists.txt: {room.name} DEPENDS on {unknown}, "
                            f"which is no room")
    if cycle := find_cycle(rooms):
        breaches.append(f"rooms depend on each other in a circle: {' → '.join(cycle)}")
    for path in sorted(p for p in source.rglob("*") if p.suffix in SOURCES):
        breaches += check_includes(path, root, source, rooms)
    breaches += check_lengths(root)
    return breaches


def check_includes(path, root, source, rooms):
    breaches, text = [], path.read_text(errors="replace")
    owner = owner_of(path, rooms)
    if owner is None:
        return [f"{path.relative_to(root)}: lies in no room"]
    for match in _INCLUDE.finditer(text):
        target = included_room(match[1], source, rooms)
        if target and target != owner.name and target not in owner.depends:
            line = text.count("\n", 0, match.start()) + 1
            breaches.append(f'{path.relative_to(root)}:{line}: #include "{match[1]}": {owner.name} does not name '
                            f"{target} in its DEPENDS ({', '.join(sorted(owner.depends)) or 'none'})")
    return breaches


def check_lengths(root):
    breaches = []
    for folder in ("src", "apps", "bpf", "tests", "fuzz", "bench"):
        for path in sorted(p for p in (root / folder).rglob("*") if p.suffix in (*SOURCES, ".py") and p.is_file()):
            if path.name.startswith("vmlinux"):
                continue  # generated by bpftool
            lines = path.read_bytes().count(b"\n")
            if lines > MAX_LINES:
                breaches.append(f"{path.relative_to(root)}: {lines} lines, more than {MAX_LINES}")
    return breaches


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    breaches = check(root)
    for breach in breaches:
        print(breach)
    rooms = parse_rooms(root / "src")
    print(f"{len(rooms)} rooms, {len(breaches)} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
