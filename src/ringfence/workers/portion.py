"""What a worker has of the bounds that the settings set for the daemon as a whole."""

from __future__ import annotations

from ringfence.config.settings import Settings


def portion(settings: Settings, workers: int) -> Settings:
    """The settings of one worker: each bound on calls, questions, buffered records and copies is shared out among them.

    Calls spread evenly over the workers, so each needs its part and no more; together they hold what one would.
    """

    def part(whole: int) -> int:
        return -(-whole // workers)

    limits, records = settings.sip.limits, settings.records
    shared_limits = limits.model_copy(
        update={name: part(getattr(limits, name)) for name in ("transactions", "dialogs", "resolving")}
    )
    return settings.model_copy(
        update={
            "sip": settings.sip.model_copy(update={"limits": shared_limits}),
            "records": records.model_copy(update={"buffer_bytes": part(records.buffer_bytes)}),
            "mirror": settings.mirror.model_copy(update={"buffer_bytes": part(settings.mirror.buffer_bytes)}),
            "redis": settings.redis.model_copy(update={"max_pending": part(settings.redis.max_pending)}),
            "voice": settings.voice.model_copy(update={"max_pending": part(settings.voice.max_pending)}),
            "roaming": settings.roaming.model_copy(update={"max_pending": part(settings.roaming.max_pending)}),
        }
    )
