"""CSV lines: good ones with their fields, bad ones with their place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.ledger.number_file import MAX_FIELD, MAX_LINE, NumberRow, RowFault, read_rows


def rows(text: str | bytes) -> list[tuple[object, ...]]:
    data = text.encode() if isinstance(text, str) else text
    found: list[tuple[object, ...]] = []
    for row in read_rows(data):
        if isinstance(row, RowFault):
            found.append(("fault", row.line, row.column, row.message))
        else:
            found.append((row.line, row.number, row.prefix, row.from_, row.to))
    return found


def test_columns_in_any_order_with_notes_quotes_and_comments() -> None:
    text = (
        "\ufeffnote, From,TO ,number,prefix\r\n"
        "# a comment\r\n"
        "\r\n"
        ' "a ""note"", with comma" , 021-62340000,02162349999,,\r\n'
        "客服,,,95588,\r\n"
        ',,,, "+8675" \r\n'
    )
    assert rows(text) == [
        (4, None, None, "021-62340000", "02162349999"),
        (5, "95588", None, None, None),
        (6, None, "+8675", None, None),
    ]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "no header line"),
        ("# only\n", 1, 1, "no header line"),
        ("number,colour\n", 1, 8, "unknown column"),
        ("number,note,Number\n", 1, 13, "stands twice"),
        ("note,to\n", 1, 1, "no column number"),
        ("number,note\n110\n", 2, 1, "1 fields where the header names 2"),
        ("number,note\n110,a,b,c\n", 2, 7, "4 fields where"),
        ("number,note\n,empty\n", 2, 1, "exactly one"),
        ("number,prefix\n110,021\n", 2, 1, "exactly one"),
        ("from,to\n110,\n", 2, 5, "to is empty"),
        ("note,from,to\nx,,110\n", 2, 3, "from is empty"),
        ("from,note\n110,x\n", 2, 1, "to is empty"),
        ('number,note\n110,"open\n', 2, 5, "a quote"),
        ('number,note\n11"0,x\n', 2, 1, "a quote"),
        ('number,note\n"110"x,y\n', 2, 1, "a quote"),
        (b"number\n110\xff\n", 2, 4, "not UTF-8"),
        (f"number,note\n110,{'x' * (MAX_FIELD + 1)}\n", 2, 5, "a field of more"),
        (f"number,note\n110,{'x' * MAX_LINE}\n", 2, 1, "a line of more"),
    ],
)
def test_faults_name_their_place(text: str | bytes, line: int, column: int, message: str) -> None:
    [fault] = rows(text)
    assert fault[:3] == ("fault", line, column)
    assert message in str(fault[3])


def test_a_bad_line_does_not_hide_the_next() -> None:
    assert [row[0] for row in rows("number\n110\n1,1\n119\n\xff,\n")] == [2, "fault", 4, "fault"]


def test_column_of_a_row_made_by_hand() -> None:
    assert NumberRow(0, "110", None, None, None).column("number") == 0


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text('number,from"\n\r #0', max_size=80).map(str.encode)))
def test_any_bytes_give_rows_or_faults(data: bytes) -> None:
    for row in read_rows(data):
        assert row.line >= 1
