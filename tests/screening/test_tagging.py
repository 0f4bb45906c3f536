"""What a tagged call carries, and that others carry nothing."""

from __future__ import annotations

import pytest

from ringfence.screening import TaggingSettings, Verdict
from ringfence.screening.tagging import display_prefix, own_header_prefix, tag_lines

TAGGED = Verdict("tag", "harassment_score.elevated", 60.0)


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        (
            TaggingSettings(),
            b"P-Ringfence-Verdict: tag\r\nP-Ringfence-Reason: harassment_score.elevated\r\nP-Ringfence-Score: 60\r\n",
        ),
        (TaggingSettings(headers=False), b""),
        (
            TaggingSettings(headers=False, call_info="https://example.com/why"),
            b"Call-Info: <https://example.com/why>;purpose=info\r\n",
        ),
        (
            TaggingSettings(header_prefix="X-Guard", call_info="https://example.com/why"),
            b"X-Guard-Verdict: tag\r\nX-Guard-Reason: harassment_score.elevated\r\nX-Guard-Score: 60\r\n"
            b"Call-Info: <https://example.com/why>;purpose=info\r\n",
        ),
    ],
)
def test_lines(settings: TaggingSettings, lines: bytes) -> None:
    assert tag_lines(TAGGED, settings) == lines


@pytest.mark.parametrize("verdict", [Verdict("forward", "emergency.called"), Verdict("forward"), Verdict("reject")])
def test_only_tagged_calls_are_marked(verdict: Verdict) -> None:
    settings = TaggingSettings(call_info="https://example.com/why")
    assert tag_lines(verdict, settings) == b""
    assert display_prefix(verdict, settings) == b""


def test_display_prefix_is_utf8() -> None:
    assert display_prefix(TAGGED, TaggingSettings()) == b"[Suspected] "
    assert display_prefix(TAGGED, TaggingSettings(display_prefix="【疑似骚扰】")) == "【疑似骚扰】".encode()
    assert display_prefix(TAGGED, TaggingSettings(display_prefix="")) == b""


def test_our_own_lines_begin_with_the_prefix_that_is_stripped() -> None:
    settings = TaggingSettings(header_prefix="X-Guard")
    own = own_header_prefix(settings)
    assert own == b"x-guard-"
    assert all(line.lower().startswith(own) for line in tag_lines(TAGGED, settings).splitlines())
