from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.sip import headers as h
from ringfence.sip.errors import BadSyntax, SipError, Undecodable
from ringfence.sip.index import MAX_HEADERS, HeaderIndex, unfold


def index(*lines: bytes, body: bytes = b"") -> tuple[HeaderIndex, bytes]:
    data = b"\r\n".join([b"OPTIONS sip:a SIP/2.0", *lines, b"", body])
    return HeaderIndex(data), data


def test_offsets_of_the_head() -> None:
    found, data = index(b"Via: a", b"To: b", body=b"body")
    assert data[: found.line_end] == b"OPTIONS sip:a SIP/2.0"
    assert data[found.head_end :] == b"body"


@pytest.mark.parametrize(
    "line",
    [
        b"Max-Forwards: 70",
        b"max-forwards:70",
        b"MAX-FORWARDS:   70  ",
        b"mAx-FoRwArDs \t :\t70\t",
        b"Max-Forwards:\r\n 70",
        b"Max-Forwards :\r\n\t\r\n 70\r\n  ",
    ],
)
def test_one_field_in_many_spellings(line: bytes) -> None:
    found, data = index(b"Via: a", line, b"To: b")
    assert found.first(h.MAX_FORWARDS) == b"70"
    assert found.values(h.MAX_FORWARDS) == found.singles((h.MAX_FORWARDS,)) == found.named(b"max-forwards") == [b"70"]
    assert found.count(h.MAX_FORWARDS) == 1
    start, end = found.span(h.MAX_FORWARDS) or (0, 0)
    assert data[start:end] == line + b"\r\n"
    assert found.spans(h.MAX_FORWARDS) == found.spans_with_prefix(b"max-f") == [(start, end)]
    assert found.first(h.TO) == b"b"


def test_repeats_keep_their_order_through_all_forms() -> None:
    found, data = index(b"Via: 1", b"Route: x", b"v: 2", b"VIA : 3", b"X-Other: y", b"V:4")
    assert found.values(h.VIA) == [b"1", b"2", b"3", b"4"]
    assert found.first(h.VIA) == b"1"
    assert found.count(h.VIA) == 4
    assert [data[start:end] for start, end in found.spans(h.VIA)] == [
        b"Via: 1\r\n",
        b"v: 2\r\n",
        b"VIA : 3\r\n",
        b"V:4\r\n",
    ]


def test_what_is_absent() -> None:
    found, _ = index(b"Via: 1")
    assert found.first(h.ROUTE) is None
    assert found.span(h.ROUTE) is None
    assert found.values(h.ROUTE) == found.spans(h.ROUTE) == found.named(b"x-none") == []
    assert found.count(h.ROUTE) == 0
    assert found.spans_with_prefix(b"p-ringfence-") == []
    assert found.singles((h.ROUTE, h.VIA)) == [None, b"1"]


def test_names_without_a_number_are_found_by_name_and_prefix() -> None:
    lines = (
        b"P-Ringfence-Verdict: pass",
        b"Via: 1",
        b"p-RINGFENCE-score \t: 3",
        b"P-Asserted-Identity: <sip:a@b>",
        b"X-P-Ringfence: no",
        b"P-Ringfence-Verdict:\r\n again",
    )
    found, data = index(*lines)
    assert found.named(b"p-ringfence-verdict") == [b"pass", b"again"]
    own = [data[start:end] for start, end in found.spans_with_prefix(b"p-ringfence-")]
    assert own == [lines[0] + b"\r\n", lines[2] + b"\r\n", lines[5] + b"\r\n"]
    assert len(found.spans_with_prefix(b"p-")) == 4
    assert found.spans_with_prefix(b"p-") == sorted(found.spans_with_prefix(b"p-"))


def test_a_prefix_also_finds_compact_forms() -> None:
    found, data = index(b"s: hello", b"Via: 1")
    assert [data[start:end] for start, end in found.spans_with_prefix(b"subject")] == [b"s: hello\r\n"]


def test_a_repeated_single_is_refused_even_when_equal() -> None:
    found, _ = index(b"To: a", b"Via: 1", b"t: a", b"Via: 2")
    with pytest.raises(BadSyntax):
        found.singles((h.FROM, h.TO))
    assert found.singles((h.FROM,)) == [None]  # others may repeat


@pytest.mark.parametrize(
    "lines",
    [
        [b"Via"],  # known names without a colon are no fields either
        [b"X-Some thing: x"],
        [b": value"],
        [b" : value"],
        [b"no colon at all"],
        [b" fold before any field", b"Via: 1"],
        [b"\tfold before any field"],
        [b"Via: 1\nX: 2"],
        [b"Via: 1\rX: 2"],
        [b"Via: 1\r"],
        [b"Via: 1\r\r\nTo: 2"],
        [b"X\0Y: 1"],
        [b"X: raw \0 here"],
        [b"X\xc3\xa9: 1"],
        [b"To\r\n : fold before the colon"],
    ],
)
def test_a_broken_head_is_refused(lines: list[bytes]) -> None:
    with pytest.raises(BadSyntax) as caught:
        index(*lines)
    assert caught.value.status == 400


def test_a_nul_in_a_quoted_pair_is_legal() -> None:
    found, _ = index(b'To: "a\\\0b" <sip:x>')
    assert found.first(h.TO) == b'"a\\\0b" <sip:x>'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\r\n",
        b"\0\0\0\0",
        b"jaK",
        b"\r\n\r\nOPTIONS",
        b"OPTIONS sip:a SIP/2.0\r\n\r\n",
        b"\xff" * 50,
    ],
)
def test_noise_has_nobody_to_answer(data: bytes) -> None:
    with pytest.raises(Undecodable) as caught:
        HeaderIndex(data)
    assert caught.value.status is None


@pytest.mark.parametrize("data", [b"INVITE sip:a SIP/2.0\r\nVia: x\r\n", b"SIP/2.0 200 OK\r\nVia: x"])
def test_a_head_without_end_is_a_bad_message(data: bytes) -> None:
    with pytest.raises(BadSyntax):
        HeaderIndex(data)


def test_the_limit_counts_lines() -> None:
    index(*[b"X: 1"] * MAX_HEADERS)
    with pytest.raises(BadSyntax) as caught:
        index(*[b"X: 1"] * (MAX_HEADERS + 1))
    assert caught.value.status == 513
    with pytest.raises(BadSyntax):
        index(b"X: 1", *[b" y"] * MAX_HEADERS)


@pytest.mark.parametrize(
    ("value", "plain"),
    [(b"a\r\n b", b"a b"), (b"a \t\r\n\t b", b"a b"), (b"a\r\n \r\n b", b"a  b"), (b"a", b"a")],
)
def test_unfold(value: bytes, plain: bytes) -> None:
    assert unfold(value) == plain


NAMES = st.sampled_from([b"Via", b"v", b"ROUTE", b"To", b"X-One", b"x-two", b"P-Ringfence-A", b"Subject", b"s"])
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=12).map(str.encode)
LINES = st.lists(
    st.tuples(NAMES, st.sampled_from([b"", b" ", b"\t "]), st.lists(TEXT, min_size=1, max_size=3)),
    min_size=1,
    max_size=12,
)


@given(LINES, st.binary(max_size=20))
@settings(max_examples=150)
def test_spans_values_and_counts_agree(fields: list[tuple[bytes, bytes, list[bytes]]], body: bytes) -> None:
    lines = [name + blanks + b":" + b"\r\n ".join(parts) for name, blanks, parts in fields]
    found, data = index(*lines, body=body)
    assert data[found.head_end :] == body
    covered = []
    for number in {h.IDS.get(name.lower(), h.OTHER) for name, _, _ in fields}:
        spans = found.spans(number)
        assert [data[start:end] for start, end in spans] == [
            line + b"\r\n"
            for line, field in zip(lines, fields, strict=True)
            if h.IDS.get(field[0].lower(), h.OTHER) == number
        ]
        assert len(spans) == found.count(number) == len(found.values(number))
        assert spans[0] == found.span(number)
        assert found.values(number)[0] == found.first(number)
        covered += spans
    covered.sort()
    assert covered[0][0] == found.line_end + 2
    assert covered[-1][1] == found.head_end - 2
    assert all(left[1] == right[0] for left, right in pairwise(covered))
    for name, _, parts in fields:
        value = b" ".join(part.strip(b" \t") for part in parts).strip(b" \t")
        assert value in [
            text.strip(b" \t") for text in found.named(h.NAMES.get(h.IDS.get(name.lower(), 0), name).lower())
        ]


@given(
    st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b" ", b":", b"v", b"To", b"\0", b"SIP/2.0", b"\xff"]), max_size=20)
)
@settings(max_examples=300)
def test_any_bytes_give_an_index_or_a_sip_error(parts: list[bytes]) -> None:
    try:
        found = HeaderIndex(b"".join(parts) + b"\r\n\r\n")
    except SipError:
        return
    assert found.head_end <= len(b"".join(parts)) + 4
