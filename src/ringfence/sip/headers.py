"""Small numbers for the header fields that somebody here asks for, and every way to spell them.

The numbers are fixed: the compiled index knows them too. A name without a number is `OTHER` and is found by
its name (`HeaderIndex.named`).
"""

from __future__ import annotations

OTHER = 0
VIA = 1
FROM = 2
TO = 3
CALL_ID = 4
CSEQ = 5
MAX_FORWARDS = 6
ROUTE = 7
RECORD_ROUTE = 8
CONTACT = 9
CONTENT_LENGTH = 10
CONTENT_TYPE = 11
REQUIRE = 12
PROXY_REQUIRE = 13
SUPPORTED = 14
UNSUPPORTED = 15
P_ASSERTED_IDENTITY = 16
P_PREFERRED_IDENTITY = 17
REMOTE_PARTY_ID = 18
PRIVACY = 19
DIVERSION = 20
HISTORY_INFO = 21
IDENTITY = 22
REASON = 23
CALL_INFO = 24
RETRY_AFTER = 25
PROXY_AUTHENTICATE = 26
WWW_AUTHENTICATE = 27
TIMESTAMP = 28
MAX_BREADTH = 29
DATE = 30
EXPIRES = 31
SESSION_EXPIRES = 32
MIN_SE = 33
ALLOW = 34
ACCEPT = 35
USER_AGENT = 36
SERVER = 37
WARNING = 38
SUBJECT = 39
CONTENT_ENCODING = 40
REFER_TO = 41
REFERRED_BY = 42
EVENT = 43
ALLOW_EVENTS = 44
ACCEPT_CONTACT = 45
REJECT_CONTACT = 46
REQUEST_DISPOSITION = 47
IDENTITY_INFO = 48
AUTHORIZATION = 49
PROXY_AUTHORIZATION = 50
PATH = 51
SERVICE_ROUTE = 52
REPLACES = 53
RSEQ = 54
RACK = 55
CONTENT_DISPOSITION = 56
P_CHARGING_VECTOR = 57
P_ACCESS_NETWORK_INFO = 58
P_EARLY_MEDIA = 59
GEOLOCATION = 60

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
