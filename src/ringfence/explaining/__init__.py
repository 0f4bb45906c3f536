"""A call judged without being made, and why: for the command line and for whoever asks the running daemon."""

from ringfence.explaining.answer import explained
from ringfence.explaining.question import CannotExplain
from ringfence.explaining.rules import mode_of

__all__ = ["CannotExplain", "explained", "mode_of"]
