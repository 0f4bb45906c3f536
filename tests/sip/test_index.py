"""The header index, each test with the pure-Python type and with the compiled one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.twins import both

from ringfence.sip import headers as h
from ringfence.sip.errors import BadSyntax, SipError, Undecodable
from ringfence.sip.index import MAX_HEADERS, HeaderIndex, unfold

twin: type[HeaderIndex]


@pytest.fixture(autouse=True, scope="module", params=both(HeaderIndex))
def chosen_twin(request: pytest.FixtureRequest) -> Iterator[None]:
    """Set for the whole module, as properties may not have a fixture of their own for each example."""
    global twin
    twin = request.param
    yield


def index(*lines: bytes, body: bytes = b"") -> tuple[HeaderIndex, bytes]:
    data = b"\r\n".join([b"OPTIONS sip:a SIP/2.0", *lines, b"", body])
    return twin(data), data


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
        twin(data)
    assert caught.value.status is None


@pytest.mark.parametrize("data", [b"INVITE sip:a SIP/2.0\r\nVia: x\r\n", b"SIP/2.0 200 OK\r\nVia: x"])
def test_a_head_without_end_is_a_bad_message(data: bytes) -> None:
    with pytest.raises(BadSyntax):
        twin(data)


def test_the_limit_counts_lines() -> None:
    index(*[b"X: 1"] * MAX_HEADERS)
    with pytest.raises(BadSyntax) as caught:
        index(*[b"X: 1"] * (MAX_HEADERS + 1))
    assert caught.value.status == 513
    with pytest.raises(BadSyntax):
        index(b"X: 1", *[b" y"] * MAX_HEADERS)


def test_every_name_leads_to_its_number_in_any_spelling() -> None:
    for name, number in h.IDS.items():
        for spelling in (name, name.upper(), name.title()):
            found, _ = index(spelling + b": x", b"X-Other: y")
            assert found.first(number) == b"x", name
            assert found.first(h.OTHER) == b"y"
            assert found.named(name) == [b"x"]
        found, _ = index(name[:-1] + b"~: x")
        assert found.values(number) == []
        assert found.named(name[:-1] + b"~") == [b"x"]


def test_every_prefix_finds_what_begins_with_it() -> None:
    lines = [name + b": x" for name in h.IDS]
    found, data = index(*lines)
    for full in h.NAMES.values():
        for length in range(len(full) + 1):
            prefix = full[:length].lower()
            begun = [h.IDS[name] for name in h.IDS if h.NAMES[h.IDS[name]].lower().startswith(prefix)]
            spans = found.spans_with_prefix(prefix)
            assert [h.IDS[data[start:end].partition(b":")[0]] for start, end in spans] == begun


def test_names_are_asked_for_in_lower_case() -> None:
    found, _ = index(b"Via: 1", b"X-One: 2")
    assert found.named(b"VIA") == found.named(b"X-ONE") == found.named(b"x-on") == found.named(b"x-one:") == []
    assert found.named(b"") == found.named(b"x-one\0") == []
    assert found.spans_with_prefix(b"VIA") == found.spans_with_prefix(b"X") == found.spans_with_prefix(b"x-one:") == []


def test_numbers_that_nobody_gave_are_absent() -> None:
    found, _ = index(b"Via: 1", b"X-One: 2", b"X-Two: 3")
    for number in (-1, 61, 62, 63, 64, 2**31):
        assert found.first(number) is None
        assert found.span(number) is None
        assert (found.values(number), found.spans(number), found.count(number)) == ([], [], 0)
        assert found.singles((number,)) == [None]
    assert (found.values(h.OTHER), found.count(h.OTHER)) == ([b"2", b"3"], 2)
    with pytest.raises(BadSyntax):
        found.singles((h.OTHER,))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\r\n\r\nX: \0\n", "not a SIP message"),  # no head: nothing else is looked at
        (b"a SIP/2.0\r\nX\r\n", "no empty line ends the head"),
        (b"a\r\n SIP/2.0\r\nX\r\n", "not a SIP message"),  # the first line alone says what it is
        (b"a SIP/\r\n", "no empty line ends the head"),
        (b"a SIP/", "not a SIP message"),
        (b"SIP/", "no empty line ends the head"),
        (b" y\r\n y\n\0\r\n\r\n", "a CR or LF in the head is not part of a line end"),
        (b"x\r\n y\0\r\n\r\n", "a NUL in the head"),
        (b"\0x\r\n\r\n", "a NUL in the head"),
        (b"\\\0\0x\r\n\r\n", "a NUL in the head"),
        (b"\\\0x\r\n\r\n", "a start line and no header"),
        (b"x\r\n" + b" y\r\n" * 257 + b"\r\n", "too many header lines"),
        (b"x\r\n" + b"y\r\n" * 257 + b"\r\n", "too many header lines"),
        (b"x\r\n y\r\ny\r\n\r\n", "the first header line continues nothing"),
        (b"x\r\ny: 1\r\n z\r\ny\r\n\r\n", "a header line has no valid name"),
        (b"\r\ny\r\n\r\n", "a header line has no valid name"),
    ],
)
def test_of_several_faults_the_same_one_is_told(data: bytes, text: str) -> None:
    with pytest.raises(SipError) as caught:
        twin(data)
    assert str(caught.value) == text


@pytest.mark.parametrize("wrong", ["text", None, 7])
def test_what_is_no_message_is_a_bug(wrong: object) -> None:
    with pytest.raises((TypeError, AttributeError)):
        twin(wrong)  # type: ignore[arg-type]


def test_the_head_may_be_cut_anywhere() -> None:
    whole = index(b"Via: 1", b'To: "\\\0" <x>', b"X-Long: " + b"y" * 70, b"CSeq:\r\n 1")[1]
    for end in range(len(whole)):
        with pytest.raises(SipError):
            twin(whole[:end])


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
        found = twin(b"".join(parts) + b"\r\n\r\n")
    except SipError:
        return
    assert found.head_end <= len(b"".join(parts)) + 4
