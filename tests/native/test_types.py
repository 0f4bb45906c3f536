"""What is not of the type that C was told of is refused: slots are read and written by their place."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.messages import request, response

from ringfence.sip.message import Request, Response, parse_pure
from ringfence.sip.via import Via

_native = pytest.importorskip("ringfence._native", reason="ringfence._native is not built: no C compiler")


class NoSlots:
    pass


def test_classes_of_another_shape_are_refused() -> None:
    try:
        for wrong in (
            (NoSlots, Response, Via),
            (Request, NoSlots, Via),
            (Request, Response, NoSlots),
            (Request, Via, Via),
        ):
            with pytest.raises((AttributeError, TypeError)):
                _native.learn(*wrong, parse_pure)
            with pytest.raises(RuntimeError):
                _native.parse(request())
        with pytest.raises(TypeError):
            _native.learn(Request, Response, None, parse_pure)

        class Property(Request):
            method = property(lambda self: b"")  # type: ignore[assignment]

        with pytest.raises(TypeError):
            _native.learn(Property, Response, Via, parse_pure)
    finally:
        _native.learn(Request, Response, Via, parse_pure)
    assert _native.parse(request()).method == b"INVITE"


def bare(kind: type) -> Any:
    """An instance with nothing in its slots."""
    return kind.__new__(kind)


def changed(**slots: Any) -> Any:
    """A request with other things in some slots."""
    made = _native.parse(request())
    for name, value in slots.items():
        setattr(made, name, value)
    return made


def via_with(**slots: Any) -> Any:
    made = _native.parse(request())
    for name, value in slots.items():
        setattr(made._via, name, value)
    return made


SHORT = _native.parse(request())
LONG = _native.parse(request(Via=b"SIP/2.0/UDP " + b"h" * 2_000 + b";branch=b"))
WRONG = [
    None,
    b"",
    _native.parse(response()),
    bare(Request),
    changed(data="text"),
    changed(_via=None),
    changed(_via=bare(Via)),
]
WRONG_VIA = [
    via_with(start=-1),
    via_with(start=10**30),
    via_with(start=10**6),
    via_with(end=10**6),
    via_with(start=None),
    via_with(end=0),
]


@pytest.mark.parametrize(
    "wrong",
    [
        *WRONG,
        *WRONG_VIA,
        via_with(received=7),
        via_with(received=(1, 2)),
        via_with(received=(90, 10**9)),
        via_with(received=()),
        via_with(rport_end=10**6),
        via_with(rport_end=b""),
        via_with(host=7),
    ],
)
def test_no_via_is_made_of_what_is_no_request(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        _native.stamped_via(wrong, "192.0.2.1", 5060)


@pytest.mark.parametrize(
    "wrong",
    [
        *WRONG,
        *WRONG_VIA,
        changed(index=None),
        changed(index=bare(Via)),
        changed(to_tag=None),
        changed(index=LONG.index),
        changed(data=b"short"),
        changed(_via=LONG._via),
    ],
)
def test_no_response_is_made_of_what_is_no_request(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        _native.response(wrong, 486, b"Busy", b"via", b"tag")


@pytest.mark.parametrize(
    "wrong",
    [
        *WRONG[:-1],  # it looks at no Via
        changed(index=None),
        changed(index=LONG.index),
        changed(to_tag=None),
        changed(uri=7),
        changed(cseq_number=-1),
    ],
)
def test_no_loop_mark_is_made_of_what_is_no_request(wrong: Any) -> None:
    with pytest.raises(TypeError):
        _native.loop_mark(wrong, "a trunk")


@pytest.mark.parametrize("arguments", [(), (SHORT,), (SHORT, b"a trunk"), (SHORT, "\ud800")])
def test_arguments_of_loop_mark(arguments: tuple[Any, ...]) -> None:
    with pytest.raises((TypeError, UnicodeEncodeError)):
        _native.loop_mark(*arguments)


COPIED = (SHORT, b"sip:a", [b"<sip:b>"], b"Via: x\r\n", b"via", b"", [], False)


@pytest.mark.parametrize(
    "wrong",
    [
        *WRONG,
        *WRONG_VIA,
        changed(index=None),
        changed(index=LONG.index),
        changed(method=None),
        changed(max_forwards=0),
        changed(max_forwards=None),
        changed(max_forwards=10**30),
        changed(_via=LONG._via),
    ],
)
def test_no_copy_is_made_of_what_is_no_request(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        _native.copied(wrong, *COPIED[1:])


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (1, "sip:a"),
        (2, (b"<sip:b>",)),
        (2, [None]),
        (3, None),
        (4, "via"),
        (5, None),
        (6, ()),
        (6, [7]),
        (6, [(0, 10**9, b"")]),
    ],
)
def test_arguments_of_copied(place: int, wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        _native.copied(*COPIED[:place], wrong, *COPIED[place + 1 :])
    with pytest.raises(TypeError):
        _native.copied(*COPIED[:place])


def answer_with(**slots: Any) -> Any:
    """A response with other things in some slots."""
    made = _native.parse(response())
    for name, value in slots.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        SHORT,
        bare(Response),
        answer_with(data=7),
        answer_with(data=b"short"),
        answer_with(_via=None),
        answer_with(_via=bare(Via)),
        answer_with(_via=LONG._via),
        answer_with(index=None),
        answer_with(index=LONG.index),
        answer_with(index=_native.HeaderIndex(b"SIP/2.0 200 OK\r\nTo: a\r\n\r\n")),
    ],
)
@pytest.mark.parametrize("asked", [_native.has_second_via, _native.without_top_via])
def test_nothing_is_passed_back_of_what_is_no_response(wrong: Any, asked: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        asked(wrong)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (SHORT,),
        (SHORT, "192.0.2.1"),
        (SHORT, b"192.0.2.1", 5060),
        (SHORT, "\ud800", 5060),
        (SHORT, "192.0.2.1", "5060"),
        (SHORT, "192.0.2.1", 10**30),
    ],
)
def test_arguments_of_stamped_via(arguments: tuple[Any, ...]) -> None:
    with pytest.raises((TypeError, OverflowError, UnicodeEncodeError)):
        _native.stamped_via(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (SHORT, 486),
        (SHORT, None, b"", b"", b""),
        (SHORT, 10**30, b"", b"", b""),
        (SHORT, 486, "", b"", b""),
        (SHORT, 486, b"", None, b""),
        (SHORT, 486, b"", b"", 7),
        (SHORT, 486, b"", b"", b"", "x"),
    ],
)
def test_arguments_of_response(arguments: tuple[Any, ...]) -> None:
    with pytest.raises((TypeError, OverflowError)):
        _native.response(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (b"",),
        ("", []),
        (b"", None),
        (b"", [None]),
        (b"", [()]),
        (b"", [(0, 0)]),
        (b"", [(0, 0, "")]),
        (b"", [(0, None, b"")]),
        (b"", [(b"", 0, b"")]),
        (b"", [(10**30, 0, b"")]),
    ],
)
def test_arguments_of_splice(arguments: tuple[Any, ...]) -> None:
    with pytest.raises((TypeError, OverflowError)):
        _native.splice(*arguments)


@pytest.mark.parametrize("name", ["receive_batch", "send_batch"])
@pytest.mark.parametrize("arguments", [(), (None,), (None, 1), (object(), []), (1, 2, 3, 4)])
def test_arguments_of_the_batches(name: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises((TypeError, AttributeError)):
        getattr(_native, name)(*arguments)


def test_arguments_of_the_index() -> None:
    index = _native.parse(request()).index
    for call in (index.first, index.span, index.values, index.spans, index.count):
        with pytest.raises(TypeError):
            call("1")
        with pytest.raises(OverflowError):
            call(10**30)
    for call in (index.named, index.spans_with_prefix):
        with pytest.raises(TypeError):
            call("via")
    for wrong in ([1], ("1",), None):
        with pytest.raises(TypeError):
            index.singles(wrong)
    for arguments in ((), (b"", b""), (7,)):
        with pytest.raises(TypeError):
            _native.HeaderIndex(*arguments)
    with pytest.raises(TypeError):
        _native.HeaderIndex(other=b"")
    with pytest.raises(AttributeError):
        index.head_end = 7


def test_a_length_in_the_index_is_not_believed_for_other_bytes() -> None:
    """A response is cut out of the request's own bytes by the index: both must belong together."""
    made = changed(data=request()[:-1])
    with pytest.raises((TypeError, ValueError)):
        _native.response(made, 486, b"", b"", b"")
