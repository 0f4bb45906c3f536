"""Who acts on the registry, and what a role may do."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ringfence.registry.errors import Forbidden

Role = Literal["holder", "operator", "auditor", "officer"]
ROLES: tuple[Role, ...] = ("holder", "operator", "auditor", "officer")


class Actor(NamedTuple):
    """name: for the audit trail, at most 128 characters. origin: from where: an address, a terminal.

    role: `holder` writes and sees what concerns its own `holder` alone; `operator` writes and sees all; `auditor` sees
    all, the audit trail too, and writes nothing; `officer` traces calls and sees nothing of consents.
    """

    name: str
    role: Role
    origin: str
    holder: str = ""

    @property
    def owner(self) -> str:
        """Whose evidence it brings."""
        return f"holder:{self.holder}" if self.role == "holder" else "*"


def may_write(actor: Actor, scope: str) -> None:
    """Raises Forbidden unless the actor may record or end what is said about this scope."""
    must_be(actor, "holder", "operator")
    if actor.role == "holder" and scope != actor.owner:
        raise Forbidden("a holder records and ends only what concerns itself")


def may_see(actor: Actor, holder: str | None) -> None:
    """Raises Forbidden unless the actor may see what was said about this holder (None: about anybody)."""
    must_be(actor, "holder", "operator", "auditor")
    if actor.role == "holder" and holder != actor.holder:
        raise Forbidden("a holder sees only what concerns itself")


def must_be(actor: Actor, *roles: Role) -> None:
    """Raises Forbidden for another role."""
    if actor.role not in roles:
        raise Forbidden(f"this takes the role {' or '.join(roles)}")
