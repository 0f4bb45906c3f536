"""The root of every error that ringfence raises on purpose."""


class RingfenceError(Exception):
    """Something outside the code is wrong: a message, a setting, a peer. The text is fit for an operator."""
