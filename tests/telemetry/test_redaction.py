import pytest

from ringfence.telemetry.redaction import redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sip:+8613800138000@10.0.0.1:5060", "sip:[number]@10.0.0.1:5060"),
        ("tel:021-5555 6666", "tel:[number]"),
        ("caller 13800138000, callee 95588", "caller [number], callee 95588"),
        ("192.168.100.200:50600 answered 503", "192.168.100.200:50600 answered 503"),
        ("redis://user:s3cret@store:6379/0", "redis://[secret]@store:6379/0"),
        ("Authorization: Bearer abc.def-9", "Authorization: Bearer [secret]"),
    ],
)
def test_texts(text: str, shown: str) -> None:
    event = {"event": text}
    redact(event, numbers=True)
    assert event == {"event": shown}


def test_debug_shows_numbers_but_never_secrets() -> None:
    event = {"event": "call", "caller": "+8613800138000", "token": "t0ken", "url": "redis://:pw@h"}
    redact(event, numbers=False)
    assert event == {"event": "call", "caller": "+8613800138000", "token": "[secret]", "url": "redis://[secret]@h"}


def test_other_values() -> None:
    event = {
        "count": 86_138_001,
        "rate": 0.5,
        "flag": True,
        "none": None,
        "raw": b"tel:+8613800138000",
        "deep": {"a": ["13800138000"]},
    }
    redact(event, numbers=True)
    assert (event["raw"], event["deep"]) == ("tel:[number]", "{'a': ['[number]']}")
    assert (event["count"], event["rate"], event["flag"], event["none"]) == (86_138_001, 0.5, True, None)
