"""Pieces of RFC 3261 §25.1 that several patterns share, as sources of byte patterns.

A hostile field of 64 KB must cost its length, never its square. So every open repeat of a byte class is possessive:
what it took it never gives back. Repeats of groups are plain, as possessive groups match wrongly before Python 3.11.5
(gh-106052; Debian 12 has 3.11.2), and each round of theirs begins with a delimiter that the round before cannot
hold: there is one way to cut the text into rounds. A test holds every pattern of this room to both.
"""

from __future__ import annotations

TOKEN = rb"[A-Za-z0-9\-.!%*_+`'~]++"
QUOTED = rb'"[^"\\]*+(?:\\[\x00-\xff][^"\\]*+)*"'

# A parameter's value is a token, a host or a quoted string (§25.1). Every visible byte that cannot end one is
# taken, as base64 tags and branches with `=` and `/` are about: nothing can be read in two ways for it.
VALUE = rb"[!#-+\-./0-9:=?-~]++"

# Line ends stand in a field's text only as folds (HeaderIndex saw to that): all white space between elements.
BLANKS = rb"[ \t\r\n]*+"

# Whether an IPv6 reference holds an address is asked by whoever uses it; without a colon it cannot. Underscores
# are no host name's, but plenty of private domains have them.
HOST = rb"(?:[A-Za-z0-9._\-]++|\[[0-9A-Fa-f.]*+:[0-9A-Fa-f:.]*+\])"

# 1 to 65535: nothing is sent to port 0.
PORT = rb"0*+(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})(?![0-9])"

SCHEME = rb"[A-Za-z][A-Za-z0-9+.\-]*+"

# What stands before an address, and both forms of the address: `"name" <uri>` and a bare URI, in which `;`, `?` and
# `,` would be the header's (§20.10). Bytes above 0x7F are taken in an unquoted name, which the grammar forbids:
# nothing can be misread for it, and private exchanges do send Chinese names so.
ADDRESS = (
    rb"(?:(" + QUOTED + rb"|[A-Za-z0-9\-.!%*_+`'~ \t\x80-\xff]*+)[ \t]*+<(" + SCHEME + rb":[!#-;=?-~]++)>"
    rb"|(" + SCHEME + rb":[!#-+\--:=@-~]++))"
)

PARAMETER = (
    BLANKS
    + rb";"
    + BLANKS
    + rb"("
    + TOKEN
    + rb")(?:"
    + BLANKS
    + rb"="
    + BLANKS
    + rb"("
    + VALUE
    + rb"|"
    + QUOTED
    + rb"))?"
)
