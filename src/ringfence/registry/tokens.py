"""Tokens for the HTTP interface: random, shown once, kept as a SHA-256."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import NamedTuple

import sqlalchemy as sa

from ringfence.registry import tables as t
from ringfence.registry.actors import ROLES, Actor, Role, must_be
from ringfence.registry.errors import RegistryError
from ringfence.registry.register import Registry
from ringfence.registry.statements import check_scope
from ringfence.registry.writing import writing

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
MOST_TOKENS = 10_000


class Token(NamedTuple):
    """A token without its secret. holder: of the role `holder`, else empty."""

    name: str
    role: Role
    holder: str
    created_at: int
    revoked_at: int | None


async def add(registry: Registry, actor: Actor, name: str, role: Role, holder: str = "") -> str:
    """Make a token; its text, which nobody can be shown again. Raises RegistryError."""
    must_be(actor, "operator")
    if not _NAME.fullmatch(name):
        raise RegistryError("a token's name is of lower-case letters, digits, dots, dashes and underscores, 63 at most")
    if role not in ROLES or (role == "holder") != bool(holder):
        raise RegistryError("a token of the role holder names its holder, and no other one does")
    if holder:
        check_scope(f"holder:{holder}")
    text = f"rf_{secrets.token_urlsafe(32)}"
    async with writing(registry.database, actor) as current:
        names = list((await current.connection.execute(sa.select(t.token.c.name))).scalars())
        if name in names:
            raise RegistryError(f"there is a token {name}")
        if len(names) >= MOST_TOKENS:
            raise RegistryError(f"there are {MOST_TOKENS} tokens: more are not kept")
        row = {"name": name, "role": role, "holder": holder, "digest": _digest(text), "created_at": current.at}
        await current.connection.execute(sa.insert(t.token).values(row))
        current.entry("token_made", None, {"name": name, "role": role, "holder": holder})
    return text


async def revoke(registry: Registry, actor: Actor, name: str) -> bool:
    """Let a token count no more, from its next request on; False where there is none that counts."""
    must_be(actor, "operator")
    async with writing(registry.database, actor) as current:
        done = await current.connection.execute(
            sa.update(t.token)
            .where(t.token.c.name == name, t.token.c.revoked_at.is_(None))
            .values(revoked_at=current.at)
        )
        if done.rowcount:
            current.entry("token_revoked", None, {"name": name})
        return bool(done.rowcount)


async def every(registry: Registry) -> list[Token]:
    """All tokens, revoked ones too."""
    async with registry.database.reading() as connection:
        rows = await connection.execute(sa.select(t.token).order_by(t.token.c.name))
        return [Token(row.name, row.role, row.holder, row.created_at, row.revoked_at) for row in rows]


async def owner_of(registry: Registry, text: str, origin: str) -> Actor | None:
    """Who a token's text belongs to; None for one that does not count."""
    question = sa.select(t.token).where(t.token.c.digest == _digest(text), t.token.c.revoked_at.is_(None))
    async with registry.database.reading() as connection:
        row = (await connection.execute(question)).first()
    return None if row is None else Actor(f"{row.role}:{row.name}", row.role, origin, row.holder)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
