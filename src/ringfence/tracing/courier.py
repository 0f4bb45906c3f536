"""Carries messages to peers by HTTPS: one POST each, tried again until it is acknowledged, which peers take once."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, NamedTuple

from ringfence.registry.actors import Actor
from ringfence.tracing import jws, post
from ringfence.tracing.book import TraceBook

if TYPE_CHECKING:
    from ssl import SSLContext

    from aiohttp import ClientResponse

TIMEOUT = 10.0  # seconds for one try, name look-up and TLS included
MOST_BYTES = 2048  # of an answer; one sentence is expected
AGAIN = (408, 425, 429)  # what a later try may mend; other 4xx say that the message itself is not taken


class Delivery(NamedTuple):
    """How many messages were acknowledged, will be tried again, and were turned down for good."""

    delivered: int
    waiting: int
    refused: int


async def carry(book: TraceBook, actor: Actor, place: int | None = None) -> Delivery:
    """Try each message whose time has come. place: those of this request alone. Raises RegistryError."""
    counts = [0, 0, 0]
    for letter in await post.outbox(book, place):
        trouble, final = await _try(letter)
        if trouble:
            await post.failed(book, letter, trouble, final)
        else:
            await post.delivered(book, actor, letter, "https")
        counts[0 if not trouble else 2 if final else 1] += 1
    return Delivery(*counts)


async def _try(letter: post.Letter) -> tuple[str, bool]:
    """(why it was not taken, whether that is final); ("", False) when it was."""
    from aiohttp import ClientError, ClientSession, ClientTimeout  # 150 ms: only where something is sent

    url = letter.peer.settings.url
    assert url is not None
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=TIMEOUT), trust_env=False, auto_decompress=False) as session,
            session.post(
                url,
                data=letter.text.encode(),
                headers={"Content-Type": jws.MEDIA_TYPE},
                ssl=_context(letter) or True,
                allow_redirects=False,  # a number goes where the settings say and nowhere else
            ) as answer,
        ):
            return await _judged(answer)
    except TimeoutError:
        return f"no answer within {TIMEOUT:g} s", False
    except (ClientError, OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"[:200], False


async def _judged(answer: ClientResponse) -> tuple[str, bool]:
    if answer.status in (200, 202):
        return "", False
    said = (await answer.content.read(MOST_BYTES)).decode(errors="replace")
    readable = "".join(character for character in said if character.isprintable())
    return f"{answer.status} {readable}"[:200], 400 <= answer.status < 500 and answer.status not in AGAIN


def _context(letter: post.Letter) -> SSLContext | None:
    """None: the system's authorities. Raises OSError where the file cannot be read."""
    ca = letter.peer.settings.ca
    return None if ca is None else ssl.create_default_context(cafile=str(ca))
