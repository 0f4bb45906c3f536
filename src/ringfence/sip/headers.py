"""Small numbers for the header fields that somebody here asks for, and every way to spell them.

The numbers are fixed: the compiled index knows them too. A name without a number is `OTHER` and is found by
its name (`HeaderIndex.named`).
"""

from __future__ import annotations

from typing import Final

OTHER: Final = 0
VIA: Final = 1
FROM: Final = 2
TO: Final = 3
CALL_ID: Final = 4
CSEQ: Final = 5
MAX_FORWARDS: Final = 6
ROUTE: Final = 7
RECORD_ROUTE: Final = 8
CONTACT: Final = 9
CONTENT_LENGTH: Final = 10
CONTENT_TYPE: Final = 11
REQUIRE: Final = 12
PROXY_REQUIRE: Final = 13
SUPPORTED: Final = 14
UNSUPPORTED: Final = 15
P_ASSERTED_IDENTITY: Final = 16
P_PREFERRED_IDENTITY: Final = 17
REMOTE_PARTY_ID: Final = 18
PRIVACY: Final = 19
DIVERSION: Final = 20
HISTORY_INFO: Final = 21
IDENTITY: Final = 22
REASON: Final = 23
CALL_INFO: Final = 24
RETRY_AFTER: Final = 25
PROXY_AUTHENTICATE: Final = 26
WWW_AUTHENTICATE: Final = 27
TIMESTAMP: Final = 28
MAX_BREADTH: Final = 29
DATE: Final = 30
EXPIRES: Final = 31
SESSION_EXPIRES: Final = 32
MIN_SE: Final = 33
ALLOW: Final = 34
ACCEPT: Final = 35
USER_AGENT: Final = 36
SERVER: Final = 37
WARNING: Final = 38
SUBJECT: Final = 39
CONTENT_ENCODING: Final = 40
REFER_TO: Final = 41
REFERRED_BY: Final = 42
EVENT: Final = 43
ALLOW_EVENTS: Final = 44
ACCEPT_CONTACT: Final = 45
REJECT_CONTACT: Final = 46
REQUEST_DISPOSITION: Final = 47
IDENTITY_INFO: Final = 48
AUTHORIZATION: Final = 49
PROXY_AUTHORIZATION: Final = 50
PATH: Final = 51
SERVICE_ROUTE: Final = 52
REPLACES: Final = 53
RSEQ: Final = 54
RACK: Final = 55
CONTENT_DISPOSITION: Final = 56
P_CHARGING_VECTOR: Final = 57
P_ACCESS_NETWORK_INFO: Final = 58
P_EARLY_MEDIA: Final = 59
GEOLOCATION: Final = 60

NAMES: dict[int, bytes] = {
    VIA: b"Via",
    FROM: b"From",
    TO: b"To",
    CALL_ID: b"Call-ID",
    CSEQ: b"CSeq",
    MAX_FORWARDS: b"Max-Forwards",
    ROUTE: b"Route",
    RECORD_ROUTE: b"Record-Route",
    CONTACT: b"Contact",
    CONTENT_LENGTH: b"Content-Length",
    CONTENT_TYPE: b"Content-Type",
    REQUIRE: b"Require",
    PROXY_REQUIRE: b"Proxy-Require",
    SUPPORTED: b"Supported",
    UNSUPPORTED: b"Unsupported",
    P_ASSERTED_IDENTITY: b"P-Asserted-Identity",
    P_PREFERRED_IDENTITY: b"P-Preferred-Identity",
    REMOTE_PARTY_ID: b"Remote-Party-ID",
    PRIVACY: b"Privacy",
    DIVERSION: b"Diversion",
    HISTORY_INFO: b"History-Info",
    IDENTITY: b"Identity",
    REASON: b"Reason",
    CALL_INFO: b"Call-Info",
    RETRY_AFTER: b"Retry-After",
    PROXY_AUTHENTICATE: b"Proxy-Authenticate",
    WWW_AUTHENTICATE: b"WWW-Authenticate",
    TIMESTAMP: b"Timestamp",
    MAX_BREADTH: b"Max-Breadth",
    DATE: b"Date",
    EXPIRES: b"Expires",
    SESSION_EXPIRES: b"Session-Expires",
    MIN_SE: b"Min-SE",
    ALLOW: b"Allow",
    ACCEPT: b"Accept",
    USER_AGENT: b"User-Agent",
    SERVER: b"Server",
    WARNING: b"Warning",
    SUBJECT: b"Subject",
    CONTENT_ENCODING: b"Content-Encoding",
    REFER_TO: b"Refer-To",
    REFERRED_BY: b"Referred-By",
    EVENT: b"Event",
    ALLOW_EVENTS: b"Allow-Events",
    ACCEPT_CONTACT: b"Accept-Contact",
    REJECT_CONTACT: b"Reject-Contact",
    REQUEST_DISPOSITION: b"Request-Disposition",
    IDENTITY_INFO: b"Identity-Info",
    AUTHORIZATION: b"Authorization",
    PROXY_AUTHORIZATION: b"Proxy-Authorization",
    PATH: b"Path",
    SERVICE_ROUTE: b"Service-Route",
    REPLACES: b"Replaces",
    RSEQ: b"RSeq",
    RACK: b"RAck",
    CONTENT_DISPOSITION: b"Content-Disposition",
    P_CHARGING_VECTOR: b"P-Charging-Vector",
    P_ACCESS_NETWORK_INFO: b"P-Access-Network-Info",
    P_EARLY_MEDIA: b"P-Early-Media",
    GEOLOCATION: b"Geolocation",
}
"""The spelling of the defining RFC, by number."""

COMPACT: dict[bytes, int] = {
    b"v": VIA,
    b"f": FROM,
    b"t": TO,
    b"i": CALL_ID,
    b"m": CONTACT,
    b"l": CONTENT_LENGTH,
    b"c": CONTENT_TYPE,
    b"e": CONTENT_ENCODING,
    b"k": SUPPORTED,
    b"s": SUBJECT,
    b"y": IDENTITY,
    b"n": IDENTITY_INFO,
    b"x": SESSION_EXPIRES,
    b"r": REFER_TO,
    b"b": REFERRED_BY,
    b"o": EVENT,
    b"u": ALLOW_EVENTS,
    b"a": ACCEPT_CONTACT,
    b"j": REJECT_CONTACT,
    b"d": REQUEST_DISPOSITION,
}
"""The compact forms of IANA's registry (RFC 3261 §7.3.3 and later documents), lower case."""

IDS: dict[bytes, int] = {name.lower(): number for number, name in NAMES.items()} | COMPACT
"""Lower-case name or compact form to number."""
