"""Tables and lists for people, plain for programs."""

from __future__ import annotations

import pytest

from ringfence.cli import output

ROWS = [["bank", "reject"], ["carrier [1]", "tag"]]


def test_plain_tables_are_columns_of_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("trunk", "verdict"), ROWS, "calls")
    assert capsys.readouterr().out == "calls\ntrunk        verdict\nbank         reject\ncarrier [1]  tag\n"


def test_a_terminal_gets_a_drawn_table_and_text_stays_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    output.table(("trunk", "verdict"), ROWS)
    out = capsys.readouterr().out
    assert "┃ trunk" in out
    assert "│ carrier [1] │ tag" in out


def test_facts_stand_behind_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    output.facts([("a", "1"), ("long", ""), ("", "2")])
    assert capsys.readouterr().out == "a     1\nlong\n      2\n"


def test_json_keeps_the_order_of_keys(capsys: pytest.CaptureFixture[str]) -> None:
    output.as_json({"b": 1, "a": "招商"})
    assert capsys.readouterr().out == '{\n  "b": 1,\n  "a": "招商"\n}\n'
