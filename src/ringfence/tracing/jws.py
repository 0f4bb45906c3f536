"""Compact JWS with ES256 (RFC 7515 §3.1 and §7.1, RFC 7518 §3.4): what a trace message is signed by.

By hand over `cryptography`: one algorithm, one key type and three header fields are all that is spoken, so that what
makes JWS libraries dangerous (`alg: none`, keys from the header, algorithm confusion) need not be switched off.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, NamedTuple

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from ringfence.registry.signing import Signer
from ringfence.tracing.errors import BadMessage, Unauthorised

LONGEST = 64 * 1024  # characters
TYPE = "ringfence-trace+jws"
MEDIA_TYPE = "application/jose"  # RFC 7515 §9.2.1
_HALF = 32  # bytes of r and of s on P-256
_PART = re.compile(r"[A-Za-z0-9_-]+")


class Token(NamedTuple):
    """A message whose form is right and whose signature nobody has looked at. key: fingerprint of the signer's key."""

    key: str
    claims: bytes
    signed: bytes
    signature: bytes


def sign(claims: dict[str, Any], signer: Signer) -> str:
    """A message as it travels."""
    header = {"alg": "ES256", "kid": signer.fingerprint, "typ": TYPE}
    signed = f"{_encoded(orjson.dumps(header))}.{_encoded(orjson.dumps(claims))}"
    r, s = decode_dss_signature(signer.sign_bytes(signed.encode()))
    return f"{signed}.{_encoded(r.to_bytes(_HALF, 'big') + s.to_bytes(_HALF, 'big'))}"


def parse(text: str) -> Token:
    """A message taken apart. Raises BadMessage."""
    if len(text) > LONGEST:
        raise BadMessage(f"is longer than {LONGEST} characters")
    parts = text.strip().split(".")
    if len(parts) != 3:
        raise BadMessage("is no compact JWS: three parts with dots between them are wanted")
    header, claims, signature = (_decoded(part) for part in parts)
    try:
        fields = orjson.loads(header)
    except orjson.JSONDecodeError:
        raise BadMessage("is no JSON", "header") from None
    if not isinstance(fields, dict) or fields.keys() != {"alg", "kid", "typ"}:
        raise BadMessage("has alg, kid and typ, and nothing else", "header")
    if (fields["alg"], fields["typ"]) != ("ES256", TYPE) or not isinstance(fields["kid"], str):
        raise BadMessage(f"says alg ES256 and typ {TYPE}", "header")
    if len(signature) != 2 * _HALF:
        raise BadMessage(f"is {2 * _HALF} bytes", "signature")
    return Token(fields["kid"], claims, ".".join(parts[:2]).encode(), signature)


def check(token: Token, key: ec.EllipticCurvePublicKey) -> None:
    """Raises Unauthorised unless this key signed it."""
    r, s = (int.from_bytes(half, "big") for half in (token.signature[:_HALF], token.signature[_HALF:]))
    try:
        key.verify(encode_dss_signature(r, s), token.signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Unauthorised("the signature is not that of the key that it names") from None


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(part: str) -> bytes:
    if not _PART.fullmatch(part):
        raise BadMessage("is no compact JWS: a part is no base64url")
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        raise BadMessage("is no compact JWS: a part is no base64url") from None
