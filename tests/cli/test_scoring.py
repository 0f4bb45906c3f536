"""Scores, written to a real store and read back."""

from __future__ import annotations

import json

import pytest
from tests.cli.command import SAMPLE, Ringfence


@pytest.mark.usefixtures("store")
def test_a_score_is_set_shown_and_replaced(ringfence: Ringfence) -> None:
    config = ("--config", SAMPLE)
    assert ringfence("score", "show", "+442079460001", *config) == (1, "+442079460001: no score\n", "")
    assert json.loads(ringfence("score", "show", "+442079460001", "--json", *config).out)["score"] is None
    done = ringfence("score", "set", "00442079460001", "65.5", "--for", "1h", *config)
    assert done == (0, "+442079460001 has the score 65.5 for 1h\n", "")
    answer = json.loads(ringfence("score", "show", "+44 20 7946 0001", "--json", *config).out)
    assert (answer["caller"], answer["score"]) == ("+442079460001", 65.5)
    assert 3500 < answer["expires_in"] <= 3600
    ringfence("score", "set", "+442079460001", "90", *config)
    assert ringfence("score", "show", "+442079460001", *config).out.startswith("+442079460001: 90, for 2592000 s more")
