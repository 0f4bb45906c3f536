"""`python -m ringfence.warehouse.reader`: looks into the records for the HTTP process, which must not wait for it.

A question is a line of JSON on standard input, its answer a line on standard output: `{"result": …}` or
`{"error": "why not"}`. A search that takes too long is ended with the whole process, and another one is started.

    {"command": "find", "by": "officer:lin at 10.0.0.1", "full": false, "told": true, "limit": 20, "question": {…}}
    {"command": "show", "by": …, "full": false, "record": 4711}

`question` has the names of `library.Question`; `told` asks for whole stories instead of rows.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import orjson

from ringfence.errors import RingfenceError
from ringfence.records.keys import open_keys
from ringfence.records.place import folder_of
from ringfence.records.settings import RecordsSettings
from ringfence.records.vault import Keys
from ringfence.warehouse.audit import note
from ringfence.warehouse.library import Library, Question
from ringfence.warehouse.telling import listed, told


def answer(folder: Path, keys: Keys, asked: dict[str, Any]) -> Any:
    """One question's. Each look is noted before it is answered. Raises RingfenceError."""
    by, full = asked["by"], asked["full"]
    library = Library(folder, keys)  # surveyed anew: segments are sealed and indexed meanwhile
    if asked["command"] == "show":
        record = asked["record"]
        story = library.story(record)
        note(folder, "http records show", {"record": str(record)}, int(story is not None), full, by)
        return None if story is None else told(story, full)
    question = asked["question"]
    found = library.find(Question(**question), asked["limit"])
    command = "http trace" if asked["told"] else "http records find"
    told_of = ("caller", "callee", "call_id", "trunk", "action")
    note(folder, command, {name: question[name] for name in told_of if question.get(name)}, len(found), full, by)
    if asked["told"]:
        return [told(library.told(sequence, decision), full) for sequence, decision in found]
    return [listed(sequence, decision, full) for sequence, decision in found]


def main(argv: Sequence[str] | None = None) -> None:
    """Answer until standard input ends, which it does with the parent."""
    parser = argparse.ArgumentParser(prog="python -m ringfence.warehouse.reader", description="looks into the records")
    parser.add_argument("--records", type=RecordsSettings.model_validate_json, required=True, help="settings, JSON")
    parser.add_argument("--data-directory", type=Path, required=True)
    given = parser.parse_args(argv)
    folder = folder_of(given.records, given.data_directory)
    for line in sys.stdin.buffer:
        keys = cache(partial(open_keys, given.records, given.data_directory))  # anew: an operator may change them
        try:
            said = {"result": answer(folder, keys, orjson.loads(line))}
        except RingfenceError as error:
            said = {"error": str(error)}
        sys.stdout.buffer.write(orjson.dumps(said) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
