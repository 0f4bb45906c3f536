"""YAML text to plain values with the line of each: YAML 1.2's core schema, read for telephone numbers.

PyYAML's own resolver follows YAML 1.1 and reads the area code 021555 as octal 9069, `13:30` as 810 and `no`
as False. Only its event parser is used here (libyaml where it is compiled in); values are made below from the
events, which also gives lines for messages, bounds for depth and size, and refusal of repeated keys. Building
the tree ourselves is a matter of safety too: libyaml's own composer recurses without a limit, and 200 kB of
`[` end the process.

Departures from the YAML 1.2 core schema (§10.3.2), so that a telephone number stays as it was written: digits
with a leading zero or plus are text. Also `.inf` and `.nan` are text, and keys are always text.
"""

from __future__ import annotations

import math
import re
from typing import NoReturn

import yaml

from ringfence.config.faults import ConfigError, Fault, Location, path_text

MAX_BYTES = 16 << 20  # number ranges by the million belong in CSV files, which the settings name
MAX_DEPTH = 32  # the deepest key of the settings has 7 levels
_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
_LIBYAML_TOO_DEEP = "exceeded maximum nesting depth"  # its scanner's own bound, from 0.2.6 on; it reads ahead of events
MAX_NODES = 1_000_000  # aliases count as often as they are used: "billion laughs" stops here

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})|0o[0-7]{1,20}|0x[0-9a-fA-F]{1,16}")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)?(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)")
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_TAG = "tag:yaml.org,2002:"

Value = dict[str, "Value"] | list["Value"] | str | int | float | bool | None


class Node:
    """A value and where it stands.

    line: 1-based; for a value of a mapping the line of its key.
    children: nodes below, by key or position; None for a scalar.
    size: how many nodes this one counts for, itself included, aliases expanded.
    """

    __slots__ = ("children", "line", "size", "value")

    def __init__(self, line: int, value: Value, children: dict[str, Node] | list[Node] | None, size: int) -> None:
        self.line = line
        self.value = value
        self.children = children
        self.size = size

    def child(self, part: str | int) -> Node | None:
        """The node under a key or position, None when there is none."""
        if isinstance(self.children, dict):
            return self.children.get(str(part))
        if isinstance(self.children, list) and isinstance(part, int) and 0 <= part < len(self.children):
            return self.children[part]
        return None


def read_yaml(data: bytes, file: str) -> Node:
    """The one document of a file.

    data: UTF-8, at most MAX_BYTES. file: the name that faults carry.
    Raises ConfigError: the first syntax fault, or every repeated key.
    """
    if len(data) > MAX_BYTES:
        raise ConfigError([Fault(file, 0, "", f"larger than {MAX_BYTES} bytes: move numbers to CSV files")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError([Fault(file, line, "", "not UTF-8")]) from None
    composer = _Composer(text, file)
    try:
        root = composer.document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else _line_at(text, getattr(error, "position", None))
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
        message = _TOO_DEEP if problem == _LIBYAML_TOO_DEEP else str(problem)
        raise ConfigError([*composer.faults, Fault(file, line, "", message)]) from None
    if composer.faults:
        raise ConfigError(composer.faults)
    return root


def _line_at(text: str, position: int | None) -> int:
    return 0 if position is None else text.count("\n", 0, position) + 1


def plain(text: str) -> Value:
    """The value of an unquoted scalar; whatever is not clearly something else is text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text


def _line(event: yaml.Event) -> int:
    assert event.start_mark is not None  # PyYAML's parsers mark every event
    return int(event.start_mark.line) + 1


class _Composer:
    """Events to nodes, with bounds; collects repeated keys, raises ConfigError for the rest."""

    def __init__(self, text: str, file: str) -> None:
        self._events = _LOADER(text)
        self._file = file
        self._anchors: dict[str, Node] = {}
        self.faults: list[Fault] = []

    def document(self) -> Node:
        self._events.get_event()  # stream start
        if self._events.check_event(yaml.StreamEndEvent):
            return Node(1, {}, {}, 1)
        self._events.get_event()  # document start
        root = self._node((), 1)
        self._events.get_event()  # document end
        if not self._events.check_event(yaml.StreamEndEvent):
            self._refuse(self._events.get_event(), (), "a second document: one file holds one")
        return root

    def _refuse(self, event: yaml.Event, location: Location, message: str) -> NoReturn:
        line = _line(event)
        raise ConfigError([*self.faults, Fault(self._file, line, path_text(location), message)])

    def _node(self, location: Location, budget_used: int) -> Node:
        event = self._events.get_event()
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, location, budget_used)
        if len(location) > MAX_DEPTH:
            self._refuse(event, location[:4], _TOO_DEEP)
        if isinstance(event, yaml.MappingStartEvent):
            node = self._mapping(event, location, budget_used)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, location, budget_used)
        else:
            node = Node(_line(event), self._scalar(event, location), None, 1)
        if event.anchor:
            # Known only now: an alias to a node that is still open would make a ring.
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: yaml.AliasEvent, location: Location, budget_used: int) -> Node:
        target = self._anchors.get(event.anchor or "")
        if target is None:
            self._refuse(event, location, f"*{event.anchor}: no finished node above has this anchor")
        self._within_budget(event, location, budget_used + target.size)
        return Node(_line(event), target.value, target.children, target.size)

    def _within_budget(self, event: yaml.Event, location: Location, used: int) -> None:
        if used > MAX_NODES:
            self._refuse(event, location, f"more than {MAX_NODES} values: move numbers to CSV files")

    def _mapping(self, event: yaml.MappingStartEvent, location: Location, budget_used: int) -> Node:
        self._known_tag(event, location, "map")
        values: dict[str, Value] = {}
        children: dict[str, Node] = {}
        size = 1
        while not self._events.check_event(yaml.MappingEndEvent):
            key = self._events.get_event()
            if not isinstance(key, yaml.ScalarEvent):
                self._refuse(key, location, "a key must be plain text")
            child = self._node((*location, key.value), budget_used + size)
            child.line = _line(key)
            size += child.size
            self._within_budget(key, location, budget_used + size)
            if key.value in children:
                first = children[key.value].line
                where = path_text((*location, key.value))
                self.faults.append(Fault(self._file, child.line, where, f"given twice: first in line {first}"))
                continue
            values[key.value] = child.value
            children[key.value] = child
        self._events.get_event()
        return Node(_line(event), values, children, size)

    def _sequence(self, event: yaml.SequenceStartEvent, location: Location, budget_used: int) -> Node:
        self._known_tag(event, location, "seq")
        children: list[Node] = []
        size = 1
        while not self._events.check_event(yaml.SequenceEndEvent):
            child = self._node((*location, len(children)), budget_used + size)
            size += child.size
            self._within_budget(event, location, budget_used + size)
            children.append(child)
        self._events.get_event()
        return Node(_line(event), [child.value for child in children], children, size)

    def _known_tag(self, event: yaml.CollectionStartEvent, location: Location, wanted: str) -> None:
        if event.tag not in (None, "!", _TAG + wanted):
            self._refuse(event, location, f"tag {event.tag} has no meaning here")

    def _scalar(self, event: yaml.ScalarEvent, location: Location) -> Value:
        if event.tag is None:
            return event.value if event.style else plain(event.value)
        if event.tag not in ("!", _TAG + "str"):
            self._refuse(event, location, f"tag {event.tag} has no meaning here")
        return str(event.value)
