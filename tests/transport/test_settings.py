from pathlib import Path

import pytest
from pydantic import ValidationError

from ringfence.transport.settings import ListenerSettings, TlsSettings


def listener(**given: object) -> ListenerSettings:
    return ListenerSettings.model_validate({"name": "edge", "transport": "udp", "bind": "127.0.0.1:5060"} | given)


@pytest.mark.parametrize(
    ("bind", "address"),
    [
        ("192.0.2.1:5060", ("192.0.2.1", 5060)),
        ("[2001:DB8:0::1]:5070", ("2001:db8::1", 5070)),
        ("[fe80::1%eth0]:5060", ("fe80::1%eth0", 5060)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
    ],
)
def test_bind(bind: str, address: tuple[str, int]) -> None:
    assert listener(bind=bind).address == address


@pytest.mark.parametrize(
    "bind",
    [
        "sip.example.com:5060",
        "127.0.0.1",
        "::1:5060",
        "[::1]",
        "300.0.0.1:5060",
        "127.0.0.1:65536",
        "[127.0.0.1]x:1",
        "",
    ],
)
def test_bind_refused(bind: str) -> None:
    with pytest.raises(ValidationError):
        listener(bind=bind)


@pytest.mark.parametrize(
    ("bind", "advertise", "told"),
    [
        ("192.0.2.1:5060", None, ("192.0.2.1", 5060)),
        ("[fe80::1%eth0]:5060", None, ("fe80::1", 5060)),
        ("0.0.0.0:5060", "198.51.100.7", ("198.51.100.7", 5060)),
        ("0.0.0.0:5060", "SIP.example.com:5080", ("sip.example.com", 5080)),
        ("[::]:5060", "[2001:DB8::7]:5062", ("2001:db8::7", 5062)),
        ("[::]:5060", "[2001:db8::7]", ("2001:db8::7", 5060)),
    ],
)
def test_advertised(bind: str, advertise: str | None, told: tuple[str, int]) -> None:
    assert listener(bind=bind, advertise=advertise).advertised == told


@pytest.mark.parametrize("bind", ["0.0.0.0:5060", "[::]:5060"])
def test_a_wildcard_needs_advertise(bind: str) -> None:
    with pytest.raises(ValidationError, match="needs advertise"):
        listener(bind=bind)


@pytest.mark.parametrize("advertise", ["", "a b", "host:99999", "[::zz]", "-x", "host:"])
def test_advertise_refused(advertise: str) -> None:
    with pytest.raises(ValidationError):
        listener(advertise=advertise)


def test_tls_belongs_to_tls_listeners() -> None:
    tls = {"certificate": "c.pem", "key": "k.pem"}
    assert listener(transport="tls", tls=tls).tls == TlsSettings(certificate=Path("c.pem"), key=Path("k.pem"))
    for wrong in ({"transport": "tls"}, {"transport": "udp", "tls": tls}, {"transport": "tcp", "tls": tls}):
        with pytest.raises(ValidationError, match="transport tls"):
            listener(**wrong)


def test_client_certificates_need_an_authority() -> None:
    with pytest.raises(ValidationError, match="client_ca"):
        TlsSettings(certificate=Path("c"), key=Path("k"), require_client_certificate=True)


def test_every_key_is_described() -> None:
    for model in (ListenerSettings, TlsSettings):
        assert all(field.description or field.metadata for field in model.model_fields.values())
        assert all(part.get("description") for part in model.model_json_schema()["properties"].values())
