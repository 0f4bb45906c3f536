from typing import Any

import pytest
from pydantic import ValidationError

from ringfence.lookups import RedisSettings


def test_defaults_are_the_design_s():
    settings = RedisSettings()
    breaker = settings.breaker
    assert settings.url is None
    assert settings.deadline == 0.05
    assert (breaker.failures, breaker.window, breaker.open, breaker.probe_every) == (5, 10.0, 15.0, 6)


@pytest.mark.parametrize("url", ["redis://h", "redis://h:6380/3", "rediss://[::1]:6379/0", "unix:///run/v.sock?db=2"])
def test_urls_that_lead_somewhere(url: str):
    assert RedisSettings(url=url).url == url


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"url": "http://h"}, "redis://, rediss://, unix://"),
        ({"url": "redis+ring://h"}, "redis+cluster:// or redis+sentinel://"),
        ({"url": "unix+cluster:///a"}, "must begin"),
        ({"url": "redis+://h"}, "must begin"),
        ({"url": "redis+cluster://user:hunter2@h:1,h:2"}, "no user or password"),
        ({"url": "redis+cluster://h:1,h:2/3"}, "one database only"),
        ({"url": "redis+cluster:///"}, "no host"),
        ({"url": "redis+sentinel://h:26379"}, "the master's name"),
        ({"url": "redis://user:hunter2@h"}, "no user or password"),
        ({"url": "redis://user@h"}, "no user or password"),
        ({"url": "redis:///0"}, "no host"),
        ({"url": "unix://"}, "no host or socket"),
        ({"password_file": "/a", "password_env": "A"}, "exclude each other"),
        ({"password": "hunter2"}, "Extra inputs"),
        ({"deadline": "2s"}, "less than or equal to 1"),
        ({"key_prefix": "a b"}, "pattern"),
    ],
)
def test_what_cannot_be_is_refused(raw: dict[str, Any], said: str):
    with pytest.raises(ValidationError) as caught:
        RedisSettings.model_validate(raw)
    message = caught.value.errors(include_input=False)[0]["msg"]
    assert said in message
    assert "hunter2" not in message
