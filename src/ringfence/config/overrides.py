"""`RINGFENCE_REDIS__URL=…`: one scalar of the settings from the environment, for containers and secrets.

The name is the path in capitals with `__` between keys; the value is taken as text and read as the key wants
it. List items cannot be named. A name without `__` counts when it is a root key (`RINGFENCE_NODE`); any other
is not ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ringfence.config.faults import ConfigError, Fault, Location, path_text
from ringfence.config.yaml_source import Value

PREFIX = "RINGFENCE_"


def locations(environ: Mapping[str, str], root_keys: Collection[str]) -> Iterator[tuple[str, Location]]:
    """Each variable that overrides a setting, with the setting's location; sorted by name."""
    for name in sorted(environ):
        parts = tuple(name.removeprefix(PREFIX).lower().split("__"))
        if name.startswith(PREFIX) and (len(parts) > 1 or parts[0] in root_keys):
            yield name, parts


def override(
    raw: dict[str, Value], environ: Mapping[str, str], root_keys: Collection[str]
) -> tuple[dict[str, Value], dict[Location, str]]:
    """`raw` with the variables put in (copied where changed), and which location came from which variable.

    Raises ConfigError when a path leads through something that has no keys.
    """
    result = dict(raw)
    origins: dict[Location, str] = {}
    for name, location in locations(environ, root_keys):
        place = result
        for depth, part in enumerate(location[:-1], 1):
            below = place.get(str(part))
            if below is not None and not isinstance(below, dict):
                where = path_text(location[:depth])
                raise ConfigError([Fault(f"environment {name}", 0, where, "has no keys that a variable could set")])
            place[str(part)] = below = dict(below or {})
            place = below
        place[str(location[-1])] = environ[name]
        origins[location] = name
    return result, origins
