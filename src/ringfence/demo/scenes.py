"""The calls that the demo places on the sample configuration, and what has to become of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Action = Literal["forward", "tag", "reject"]

# Invented numbers: on the mainland no subscriber number begins with 0. The sample ledger grants bank and callcentre
# theirs.
BANK = "+861000000101"
CALLCENTRE = "+862100000001"
BUSY_CALLCENTRE = "+862100000800"
NOT_GRANTED = "+862100000600"
SUSPENDED = "+862100000900"
ACCESS_CODE = "95300"
SUBLET = "95000123"
SOMEBODY = "+862200000001"
FOREIGNER = "+442079460001"
SUSPECT = "+442079460065"
HARASSER = "+442079460095"
AT_HOME = "+8613800000001"
ROAMER = "+8613800000002"
CALLEE = "+861000005001"
WILLING = "+861000005002"
UNWILLING = "+861000005003"
ENGAGED = "+861000005004"


class Store(Protocol):
    """What the scenes write beforehand: the functions of `ringfence consent`, `score` and `roaming`."""

    def consent_add(self, callee: str, holder: str) -> None:
        """Record a consent."""

    def refuse(self, callee: str, holder: str) -> None:
        """Record a refusal."""

    def score_set(self, number: str, points: float, seconds: int) -> None:
        """Give a caller a score."""

    def roaming_add(self, numbers: Sequence[str]) -> int:
        """Record subscribers as abroad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One call.

    action, reason, status: the verdict, its `rule.reason` and the INVITE's final response that are expected.
    crowded: the caller places as many calls beforehand as its trunk's rate allows.
    cancelled: the caller gives up while it rings.
    prepare: what is recorded first, given the store and the trunk's holder.
    """

    title: str
    trunk: str
    caller: str
    callee: str = CALLEE
    display: str | None = None
    asserted: str | None = None
    private: bool = False
    action: Action = "forward"
    reason: str = ""
    status: int = 200
    crowded: bool = False
    cancelled: bool = False
    prepare: Callable[[Store, str], None] | None = None


def _consent(store: Store, holder: str) -> None:
    store.consent_add(WILLING, holder)


def _refusal(store: Store, holder: str) -> None:
    store.consent_add(UNWILLING, holder)
    store.refuse(UNWILLING, holder)


def _suspicion(store: Store, holder: str) -> None:
    store.score_set(SUSPECT, 65, 3600)


def _roaming(store: Store, holder: str) -> None:
    store.roaming_add([ROAMER])


def _harassment(store: Store, holder: str) -> None:
    store.score_set(HARASSER, 95, 3600)


SCENES = (
    Scene(title="the bank shows its own number", trunk="bank", caller=BANK, display="Example Bank"),
    Scene(
        title="the bank shows somebody else's number", trunk="bank", caller=SOMEBODY,
        action="reject", reason="caller_authorised.unknown_holder", status=403,
    ),
    Scene(
        title="the call centre shows a number of the bank's", trunk="callcentre", caller=BANK, callee=WILLING,
        action="reject", reason="caller_authorised.held_by_another", status=403,
    ),
    Scene(
        title="a number of its own that it was not granted here", trunk="callcentre", caller=NOT_GRANTED,
        action="reject", reason="caller_authorised.held_not_granted", status=403,
    ),
    Scene(
        title="an access code that is for receiving calls only", trunk="callcentre", caller=ACCESS_CODE,
        action="reject", reason="grant_scope.receive_only", status=403,
    ),
    Scene(
        title="a number whose grant is suspended", trunk="callcentre", caller=SUSPENDED,
        action="reject", reason="grant_validity.suspended", status=403,
    ),
    Scene(
        title="digits behind the bank's code that nobody filed", trunk="carrier", caller=SUBLET,
        action="reject", reason="suffix_subletting.suffix_of_another", status=403,
    ),
    Scene(
        title="no number at all", trunk="bank", caller="anonymous",
        action="reject", reason="caller_number.anonymous", status=403,
    ),
    Scene(
        title="number withheld lawfully: the carrier vouches for it", trunk="carrier", caller="anonymous",
        asserted=FOREIGNER, private=True, display="Anonymous",
    ),
    Scene(
        title="one number shown, another one vouched for", trunk="carrier", caller=SOMEBODY, asserted=FOREIGNER,
        action="reject", reason="identity_conflict.asserted", status=403,
    ),
    Scene(
        title="a fixed number of home comes in from abroad: forged", trunk="abroad", caller=SOMEBODY,
        action="reject", reason="domestic_from_abroad.never_roams", status=403,
    ),
    Scene(
        title="so is a mobile one whose subscriber is at home", trunk="abroad", caller=AT_HOME,
        action="reject", reason="domestic_from_abroad.not_roaming", status=403,
    ),
    Scene(title="and this one's subscriber roams", trunk="abroad", caller=ROAMER, prepare=_roaming),
    Scene(
        title="a foreign number whose mark was taken off", trunk="abroad", caller=FOREIGNER.removeprefix("+"),
        action="reject", reason="foreign_not_marked.no_prefix", status=403,
    ),
    Scene(
        title="a 400 number calls, which only leads calls in", trunk="carrier", caller="4000000001",
        action="reject", reason="inbound_only_class.never_calls", status=403,
    ),
    Scene(
        title="marketing to somebody who never consented", trunk="callcentre", caller=CALLCENTRE,
        action="reject", reason="consent.no_consent", status=403,
    ),
    Scene(title="marketing with consent", trunk="callcentre", caller=CALLCENTRE, callee=WILLING, prepare=_consent),
    Scene(
        title="marketing after the callee refused", trunk="callcentre", caller=CALLCENTRE, callee=UNWILLING,
        action="reject", reason="consent.refused_holder", status=603, prepare=_refusal,
    ),
    Scene(
        title="a caller with a high harassment score", trunk="carrier", caller=SUSPECT, display="Lucky Prize",
        action="tag", reason="harassment_score.elevated", prepare=_suspicion,
    ),
    Scene(
        title="a caller with a very high one", trunk="carrier", caller=HARASSER, display="Lucky Prize",
        action="reject", reason="harassment_score.high", status=608, prepare=_harassment,
    ),
    Scene(
        title="too many calls of one caller", trunk="callcentre", caller=BUSY_CALLCENTRE, callee=WILLING,
        action="tag", reason="rate.over_limit", crowded=True, prepare=_consent,
    ),
    Scene(
        title="an emergency call, whoever calls", trunk="bank", caller=SOMEBODY, callee="110",
        reason="emergency.called",
    ),
    Scene(title="the callee is busy: that passes untouched", trunk="bank", caller=BANK, callee=ENGAGED, status=486),
    Scene(title="the caller hangs up while it rings", trunk="bank", caller=BANK, status=487, cancelled=True),
)  # fmt: skip
"""In this order: what a callee said stays said."""
