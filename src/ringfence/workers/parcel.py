"""A generation of settings on its way to a worker: what the front has read, so that no worker reads files of its own.

A worker that is started anew gets what is in force, though the files may be half edited or broken by then.
"""

from __future__ import annotations

import pickle
from typing import Any

from ringfence.config.ledger_store import mapped_again
from ringfence.config.load import Bundle
from ringfence.ledger import Ledger
from ringfence.ledger.build import NO_DIGEST
from ringfence.ledger.snapshot import Snapshot
from ringfence.numbering import Numbering
from ringfence.screening import Pipeline
from ringfence.workers.portion import portion


def packed(bundle: Bundle, workers: int) -> dict[str, Any]:
    """What can be pickled of a generation. A large ledger stays where it is: workers map the same file."""
    snapshot = bundle.ledger.snapshot
    return {
        "generation": bundle.generation,
        "settings": portion(bundle.settings, workers),
        "plan": bundle.numbering.plan,  # compiled, its tables cannot be pickled; they are made in some milliseconds
        "places": bundle.places,
        "source": bundle.source,
        "snapshot": bytes(snapshot.view) if snapshot.digest == NO_DIGEST else None,
        "digest": snapshot.digest,
        "late": list(bundle.late),
    }


def unpacked(parcel: dict[str, Any]) -> Bundle:
    """The generation again. Raises RingfenceError where the ledger's file is gone."""
    generation, settings, small = parcel["generation"], parcel["settings"], parcel["snapshot"]
    snapshot = mapped_again(settings.data_directory, parcel["digest"]) if small is None else Snapshot(small)
    ledger = Ledger(generation, snapshot)
    numbering, places = Numbering(settings.numbering, parcel["plan"]), parcel["places"]
    pipeline = Pipeline(settings.screening, ledger, places)
    return Bundle(generation, settings, numbering, ledger, pipeline, places, parcel["source"], parcel["late"])


def dumped(value: Any) -> bytes:
    """For the line to a worker."""
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def loaded(data: bytes) -> Any:
    """What the front dumped. Only a worker reads so, and only from the pair of sockets that its front made for it."""
    return pickle.loads(data)  # noqa: S301
