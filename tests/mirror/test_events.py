import json
from pathlib import Path

from ringfence.mirror.events import event_of
from ringfence.records.schema import FIELDS, decode
from ringfence.records.verify import read

FOLDER = Path("tests/data/records/1")


def test_events_of_a_call() -> None:
    events = []
    for sequence, fields in read(FOLDER):
        event = event_of(sequence, fields, "edge-1")
        if event is not None:
            events.append(json.loads(event))
    assert [event["event"] for event in events] == ["decision", "outcome", "end", "decision"]
    first, outcome, end, refused = events
    assert first["record"] == outcome["decision"] == end["decision"]
    assert (first["node"], first["trunk"], first["action"], first["status"]) == ("edge-1", "bank", "forward", 0)
    assert (outcome["status"], outcome["ring_ms"], outcome["final_ms"]) == (200, 1000, 2000)
    assert end["released"] == "caller" and end["talk_ms"] == 0
    assert (refused["action"], refused["reason"], refused["status"]) == ("reject", "caller_authorised.not_granted", 403)
    assert refused["findings"][0]["reason"] == "caller_authorised.not_granted"
    assert refused["points"] > 0
    assert not any("+861" in json.dumps(event) for event in events)


def test_a_note_is_no_event_and_odd_bytes_do_no_harm() -> None:
    assert event_of(1, decode(b"N\n1\nstarted\nx"), "n") is None
    values = dict.fromkeys(FIELDS["E"], "0") | {"kind": "E", "cause": "", "call_id": "a\udcff"}
    event = event_of(1, values, "n")
    assert event is not None and json.loads(event)["call_id"] == "a\\xff"
