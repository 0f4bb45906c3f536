"""Whatever comes as a message is one, or a TraceError; nothing else."""

from __future__ import annotations

from pathlib import Path

import orjson
from hypothesis import given
from hypothesis import strategies as st
from tests.tracing.carriers import asked, call

from ringfence.registry.signing import Signer, new_key
from ringfence.tracing import jws
from ringfence.tracing.disclosure import asked_about, hop_of, joined
from ringfence.tracing.errors import TraceError
from ringfence.tracing.messages import Answer, Envelope, Request, read

HOP = hop_of(call(), "b")
SOUND = [
    orjson.loads(Envelope(iss="b", aud="a", iat=1, jti="j", request="0" * 32, body=body).model_dump_json())
    for body in (Request(asked=asked()), Answer(hops=(HOP,)))
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode(errors="replace")))
def test_any_bytes(data: bytes) -> None:
    for reads in (lambda: jws.parse(data.decode(errors="replace")), lambda: read(data)):
        try:
            reads()
        except TraceError:
            pass


@given(st.sampled_from(SOUND), st.data())
def test_sound_claims_with_something_else_in_one_place(sound: dict[str, object], data: st.DataObject) -> None:
    changed = orjson.loads(orjson.dumps(sound))
    place = changed
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], (dict, list)) or not place[key] or data.draw(st.booleans()):
            place[key] = data.draw(JSON)
            break
        place = place[key]
    try:
        envelope = read(orjson.dumps(changed))
    except (TraceError, orjson.JSONEncodeError):
        return
    assert read(envelope.model_dump_json().encode()) == envelope
    assert len(envelope.digest) == 32


def test_an_envelope_says_the_same_whenever_it_is_signed() -> None:
    one = read(orjson.dumps(SOUND[0]))
    assert one.digest == one.model_copy(update={"iat": 99}).digest
    assert one.digest != one.model_copy(update={"aud": "c"}).digest


def test_a_signature_is_what_others_make_too(tmp_path: Path) -> None:
    """RFC 7518 §3.4: r and s, 32 bytes each, not DER."""
    file = tmp_path / "key.pem"
    file.write_text(new_key())
    token = jws.parse(jws.sign({"a": 1}, Signer.read(file)))
    assert (token.claims, len(token.signature)) == (b'{"a":1}', 64)


def test_what_joins_a_hop_to_a_call() -> None:
    about = asked_about(call(), 60.0)
    assert joined(HOP, about) == ["Call-ID", "callee", "caller", "time"]
    far = HOP.model_copy(update={"call_id": "x", "callee": "+1", "shown": "", "at": about.at.replace(year=2025)})
    assert joined(far, about) == []
