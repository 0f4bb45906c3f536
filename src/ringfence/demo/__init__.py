"""A small SIP user agent of our own: a caller, a softswitch, and the show that `ringfence demo` makes of them."""
