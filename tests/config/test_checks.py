from __future__ import annotations

from pathlib import Path

import pytest

from ringfence.config.checks import findings
from ringfence.config.faults import path_text
from ringfence.config.paths import absolute
from ringfence.config.settings import Settings
from ringfence.config.yaml_source import read_yaml

UDP = '{name: a, transport: udp, bind: "127.0.0.1:5060"}'
GATEWAYS = "gateways: {default: {targets: [{uri: 'sip:softswitch.example.net'}]}}"


def found(text: str, base: Path = Path("/nonexistent")) -> list[str]:
    settings = absolute(Settings.model_validate(read_yaml(text.encode(), "f").value), base)
    return [f"{path_text(location)}: {message}" for location, message in findings(settings)]


def listeners(*entries: str) -> list[str]:
    return found("listeners:\n" + "".join(f"- {entry}\n" for entry in entries) + GATEWAYS)


def trunk(sources: str, more: str = "", listener: str = UDP) -> list[str]:
    return found(
        f"listeners: [{listener}]\n{GATEWAYS}\n"
        f"trunks: [{{name: t, holder: h, kind: enterprise, sources: [{sources}] {more}}}]"
    )


def gateway(uri: str) -> list[str]:
    return found(f"listeners: [{UDP}]\ngateways: {{core: {{targets: [{{uri: '{uri}'}}]}}}}")


def test_with_workers_a_message_of_a_stream_has_a_bound() -> None:
    long = '{name: b, transport: tcp, bind: "127.0.0.1:5060", max_message_bytes: 65536}'
    text = f"listeners: [{UDP}, {long}]\n{GATEWAYS}\n"
    assert found(text) == []
    assert found("workers: 2\n" + text) == [
        "listeners[1].max_message_bytes: with workers a message by tcp has at most 65535 bytes"
    ]
    assert found("workers: 2\n" + text.replace("65536", "65535")) == []


def test_nothing_to_find() -> None:
    assert listeners(UDP, '{name: b, transport: tcp, bind: "127.0.0.1:5060"}') == []
    assert trunk("{address: 192.0.2.0/24}") == []
    assert gateway("sip:softswitch.example.net") == []
    assert gateway("sip:127.0.0.1:5080") == []


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (
            '{name: a, transport: udp, bind: "127.0.0.1:5061"}',
            "listeners[1].name: listeners[0] has this name already",
        ),
        (
            '{name: b, transport: udp, bind: "127.0.0.1:5060"}',
            "listeners[1].bind: listeners[0] has this address and port already",
        ),
        (
            '{name: b, transport: udp, bind: "0.0.0.0:5060", advertise: sip.example.net}',
            "listeners[1].bind: listeners[0] has this address and port already",
        ),
    ],
)
def test_listeners_that_cannot_stand_side_by_side(second: str, message: str) -> None:
    assert listeners(UDP, second) == [message]


def test_listeners_that_can() -> None:
    assert (
        listeners(
            UDP,
            '{name: b, transport: udp, bind: "127.0.0.2:5060"}',
            '{name: c, transport: udp, bind: "127.0.0.1:5062"}',
            '{name: d, transport: udp, bind: "[::]:5060", advertise: sip.example.net}',
        )
        == []
    )


def test_files_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("x")
    text = (
        "listeners:\n"
        '- {name: s, transport: tls, bind: "127.0.0.1:5061", tls: {certificate: cert.pem, key: key.pem}}\n' + GATEWAYS
    )
    assert found(text, tmp_path) == [f"listeners[0].tls.key: {tmp_path}/key.pem: no such file"]
    (tmp_path / "key.pem").mkdir()
    assert found(text, tmp_path) == [f"listeners[0].tls.key: {tmp_path}/key.pem: no such file"]


def test_files_must_be_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "route.key").write_text("x")
    monkeypatch.setattr("os.access", lambda *_: False)  # root may read everything
    text = f"listeners: [{UDP}]\n{GATEWAYS}\nsecrets: {{route_key_file: route.key}}"
    assert found(text, tmp_path) == [f"secrets.route_key_file: {tmp_path}/route.key: may not be read"]


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("softswitch", "a URI has no scheme"),
        ("tel:+861000000001", "a gateway is a sip or sips URI, not tel"),
        ("sip:10.0.0.1;transport=tcp", "no listener of transport tcp to send from"),
        ("sips:sbc.example.net", "no listener of transport tls to send from"),
        ("sip:300.0.0.1:5060", "300.0.0.1 is no address"),
        ("sip:10.0.1", "10.0.1 is no address"),
        ("sip:0.0.0.0", "0.0.0.0 is no machine's address"),
        ("sip:239.0.0.1", "239.0.0.1 is no machine's address"),
        ("sip:[::1]:5060", "no listener of transport udp on IPv6 to send from"),
    ],
)
def test_gateways_that_cannot_be_called(uri: str, message: str) -> None:
    assert gateway(uri) == [f"gateways.core.targets[0].uri: {message}"]


def test_a_trunk_names_a_group_that_exists() -> None:
    assert trunk("{address: 192.0.2.1}", ", gateways: core") == [
        "trunks[0].gateways: no gateway group core; there are: default"
    ]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{address: 192.0.2.1, transport: tcp}", "no listener of transport tcp on IPv4"),
        ('{address: "2001:db8::/32"}', "no listener of IPv6"),
        ("{certificate: pbx.example.com}", "no tls listener with client_ca asks peers for a certificate"),
    ],
)
def test_sources_that_no_call_can_come_from(source: str, message: str) -> None:
    assert trunk(source) == [f"trunks[0].sources[0]: {message}"]


def test_a_certificate_source_needs_a_listener_that_asks(tmp_path: Path) -> None:
    for name in ("c", "k", "ca"):
        (tmp_path / name).write_text("x")
    text = (
        'listeners: [{name: s, transport: tls, bind: "127.0.0.1:5061", tls: {certificate: c, key: k, client_ca: ca}}]\n'
        f"{GATEWAYS}\n"
        "trunks: [{name: t, holder: h, kind: enterprise, sources: [{certificate: pbx.example.com}]}]"
    )
    assert found(text, tmp_path) == []


def test_folders_that_are_made_need_not_be_there() -> None:
    more = "records: {folder: r}\nregistry: {evidence: {folder: e}, uploads: {folder: u}}\ndata_directory: d"
    assert found(f"listeners: [{UDP}]\n{GATEWAYS}\n{more}") == []
