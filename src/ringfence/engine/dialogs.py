"""Dialogs in progress: counted, and remembered so that their requests need no digest to be believed."""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from ringfence.engine.trail import Trail
from ringfence.forwarding.token import RouteSigner
from ringfence.sip.message import Request


@mypyc_attr(acyclic=True)
class Dialog:
    """One answered call. since: monotonic seconds. trail: None where none is kept."""

    __slots__ = ("call_id", "caller_tag", "since", "trail", "trunk")

    def __init__(self, call_id: bytes, caller_tag: bytes, trunk: str, since: float, trail: Trail | None = None) -> None:
        self.call_id = call_id
        self.caller_tag = caller_tag
        self.trunk = trunk
        self.since = since
        self.trail = trail


class Dialogs:
    """Dialogs by the token of our Record-Route, oldest first, within bounds.

    A forgotten dialog goes on working: its token is then checked by its digest. So the table sheds its oldest
    entry when it is full, and may be lost with the process.

    forgotten: trails of dialogs that were shed or had no BYE for `lifetime`; whoever writes them down empties it.
    """

    __slots__ = ("_signer", "_table", "forgotten", "lifetime", "limit", "shed")

    def __init__(self, signer: RouteSigner, limit: int, lifetime: float) -> None:
        self._signer = signer
        self._table: dict[bytes, Dialog] = {}
        self.limit = limit
        self.lifetime = lifetime
        self.shed = 0
        self.forgotten: list[Trail] = []

    def __len__(self) -> int:
        return len(self._table)

    def begin(self, token: bytes, dialog: Dialog) -> None:
        """An INVITE was answered with 2xx; a repeat of that answer changes nothing."""
        table = self._table
        if token in table:
            return
        if len(table) >= self.limit:
            self._forget(next(iter(table)))
            self.shed += 1
        table[token] = dialog

    def end(self, token: bytes) -> Dialog | None:
        """Its BYE was answered. The dialog, None where it was not remembered."""
        return self._table.pop(token, None)

    def _forget(self, token: bytes) -> None:
        trail = self._table.pop(token).trail
        if trail is not None:
            self.forgotten.append(trail)

    def knows(self, token: bytes, request: Request) -> bool:
        """Whether the token was made by us for the dialog that this request names (from either side)."""
        dialog = self._table.get(token)
        if dialog is not None and dialog.call_id == request.call_id:
            return dialog.caller_tag in (request.from_tag, request.to_tag)
        return bool(token) and self._signer.verify(token, request.call_id, request.from_tag, request.to_tag)

    def expire(self, now: float) -> None:
        """Forget those whose BYE never came by."""
        table = self._table
        while table:
            token = next(iter(table))
            if now - table[token].since < self.lifetime:
                return
            self._forget(token)
