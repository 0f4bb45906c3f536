"""The root of the settings: YAML in, faults with their lines out, and what a reload may change."""

from ringfence.config.faults import ConfigError, Fault
from ringfence.config.load import Bundle, load, load_bundle
from ringfence.config.reload import Reloader
from ringfence.config.settings import Settings

__all__ = ["Bundle", "ConfigError", "Fault", "Reloader", "Settings", "load", "load_bundle"]
