from __future__ import annotations

import pytest
from pydantic import ValidationError

from ringfence.forwarding.settings import GatewayGroupSettings, SipSettings


def test_the_defaults_are_a_carriers() -> None:
    sip = SipSettings()
    assert sip.unknown_source == "ignore"
    assert sip.forward_methods == ()
    assert sip.udp_switch_bytes == 1300  # RFC 3261 §18.1.1
    assert sip.overload.retry_after >= 1
    group = GatewayGroupSettings.model_validate({"targets": [{"uri": "sip:10.0.0.1"}]})
    assert group.failover_on == (503,)
    assert group.probe.enabled
    assert group.probe.timeout < group.probe.interval
    assert group.no_answer < sip.timers.t1 * 64
    assert (group.targets[0].priority, group.targets[0].weight) == (1, 100)


def test_they_take_what_an_operator_writes() -> None:
    sip = SipSettings.model_validate(
        {
            "timers": {"t1": "250ms"},
            "limits": {"dialog_lifetime": "2h"},
            "overload": {"loop_lag": "50ms"},
            "unknown_source": "forbid",
            "forward_methods": ["MESSAGE", "*"],
            "server_name": "carrier/1.0",
        }
    )
    assert (sip.timers.t1, sip.limits.dialog_lifetime, sip.overload.loop_lag) == (0.25, 7200.0, 0.05)
    assert sip.forward_methods == ("MESSAGE", "*")


@pytest.mark.parametrize(
    "fault",
    [
        {"server_name": ""},
        {"server_name": "two words"},
        {"server_name": "x\r\nEvil: header"},
        {"server_name": "x\n"},
        {"unknown_source": "answer"},
        {"udp_switch_bytes": -1},
        {"overload": {"retry_after": "500ms"}},
        {"limits": {"transactions": 99}},
        {"limits": {"resolving": 0}},
        {"limits": {"dialogues": 100}},
    ],
)
def test_sip_settings_that_are_refused(fault: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SipSettings.model_validate(fault)


@pytest.mark.parametrize(
    "fault",
    [
        {"targets": []},
        {"targets": [{"uri": "sip:a", "weight": -1}]},
        {"targets": [{"uri": "sip:a", "priority": -1}]},
        {"targets": [{}]},
        {"probe": {"failures": 0}},
        {"probe": {"interval": "0s"}},
        {"no_answer": "0s"},
    ],
)
def test_group_settings_that_are_refused(fault: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GatewayGroupSettings.model_validate({"targets": [{"uri": "sip:a"}], **fault})
