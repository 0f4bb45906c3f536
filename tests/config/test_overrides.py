from __future__ import annotations

import pytest

from ringfence.config.faults import ConfigError
from ringfence.config.overrides import override

ROOT = ("node", "redis", "trunks")


def test_a_variable_sets_one_scalar_and_leaves_the_file_alone() -> None:
    raw = {"node": "a", "redis": {"url": "x", "deadline": "50ms"}}
    result, origins = override(raw, {"RINGFENCE_REDIS__URL": "redis://r:6379/0", "RINGFENCE_NODE": "b"}, ROOT)
    assert result == {"node": "b", "redis": {"url": "redis://r:6379/0", "deadline": "50ms"}}
    assert origins == {("redis", "url"): "RINGFENCE_REDIS__URL", ("node",): "RINGFENCE_NODE"}
    assert raw == {"node": "a", "redis": {"url": "x", "deadline": "50ms"}}


def test_sections_that_the_file_lacks_are_made() -> None:
    result, _ = override({"redis": None}, {"RINGFENCE_REDIS__BREAKER__FAILURES": "3"}, ROOT)
    assert result == {"redis": {"breaker": {"failures": "3"}}}


def test_other_variables_are_not_ours() -> None:
    environ = {"RINGFENCE_CONFIG": "x", "HOME": "/", "RINGFENCE_REQUIRE_PEERS": "1", "XRINGFENCE_NODE": "c"}
    assert override({}, environ, ROOT) == ({}, {})


def test_a_list_has_no_keys() -> None:
    with pytest.raises(ConfigError) as caught:
        override({"trunks": [{"name": "a"}]}, {"RINGFENCE_TRUNKS__NAME": "b"}, ROOT)
    assert str(caught.value) == ("environment RINGFENCE_TRUNKS__NAME: trunks: has no keys that a variable could set")
