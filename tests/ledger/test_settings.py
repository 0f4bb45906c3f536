"""Trunk settings: what is taken and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ringfence.ledger import TrunkSettings
from ringfence.ledger.settings import NumberSettings, SourceSettings, read_network


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.0.2.1", "192.0.2.1/32"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::/0", "::/0"),
        ("::1:0/112", "::1:0/112"),
    ],
)
def test_networks(text: str, network: str) -> None:
    assert str(read_network(text)) == network


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({}, "either an address or a certificate"),
        ({"address": "192.0.2.1", "certificate": "a.example"}, "either an address or a certificate"),
        ({"certificate": "a.example", "port": 5061}, "belong to an address"),
        ({"certificate": "a.example", "transport": "tls"}, "belong to an address"),
        ({"address": "pbx.example"}, "does not appear to be"),
        ({"address": "192.0.2.1/24"}, "host bits"),
        ({"address": "192.0.2.1", "port": 0}, "greater than or equal"),
        ({"address": "192.0.2.1", "transport": "sctp"}, "'udp', 'tcp' or 'tls'"),
    ],
)
def test_source_faults(part: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SourceSettings.model_validate(part)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({}, "exactly one"),
        ({"number": "1", "prefix": "2"}, "exactly one"),
        ({"from": "1", "to": "2", "file": "x.csv"}, "exactly one"),
        ({"from": "1"}, "both from and to"),
        ({"to": "1"}, "both from and to"),
        ({"number": True}, "valid string"),
        ({"number": 1.5}, "valid string"),
    ],
)
def test_number_faults(part: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        NumberSettings.model_validate(part)


def test_numbers_may_be_integers_in_yaml() -> None:
    assert NumberSettings.model_validate({"number": 8613800138000}).number == "8613800138000"


def test_every_field_is_described() -> None:
    for model in (TrunkSettings, SourceSettings, NumberSettings):
        assert all(field.description for field in model.model_fields.values()), model


@pytest.mark.parametrize("name", ["", "Upper", "a b", "-a", "a" * 65])
def test_names_are_labels(name: str) -> None:
    with pytest.raises(ValidationError):
        TrunkSettings.model_validate(
            {"name": name, "holder": "H", "kind": "enterprise", "sources": [{"address": "192.0.2.1"}]}
        )
