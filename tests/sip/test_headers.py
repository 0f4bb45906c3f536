from __future__ import annotations

from ringfence.sip import headers


def test_every_number_has_one_name_and_names_itself() -> None:
    constants = {name: value for name, value in vars(headers).items() if name.isupper() and isinstance(value, int)}
    assert len(set(constants.values())) == len(constants)
    assert set(headers.NAMES) == set(constants.values()) - {headers.OTHER}
    for constant, number in constants.items():
        if number != headers.OTHER:
            assert headers.NAMES[number].upper().replace(b"-", b"_") == constant.encode()


def test_names_and_compact_forms_lead_to_the_same_number() -> None:
    assert headers.IDS[b"via"] == headers.IDS[b"v"] == headers.VIA
    assert headers.IDS[b"content-length"] == headers.IDS[b"l"] == headers.CONTENT_LENGTH
    assert all(name == name.lower() for name in headers.IDS)
    assert all(len(form) == 1 for form in headers.COMPACT)
    assert len(headers.COMPACT) == 20  # IANA's registry
