import pytest
from pydantic import ValidationError

from ringfence.telemetry.settings import LoggingSettings


def test_defaults_and_refusals() -> None:
    assert LoggingSettings() == LoggingSettings(level="info", format="auto")
    for wrong in ({"level": "verbose"}, {"format": "xml"}, {"file": "/var/log/x"}):
        with pytest.raises(ValidationError):
            LoggingSettings.model_validate(wrong)
