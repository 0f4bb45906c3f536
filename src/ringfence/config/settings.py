"""The root of the settings: every room's part under its key. What each part means is said in its room."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from ringfence.calendars.settings import CalendarsSettings
from ringfence.clickhouse.settings import ClickHouseSettings
from ringfence.control.settings import ControlSettings
from ringfence.forwarding.settings import GatewayGroupSettings, SipSettings
from ringfence.index.settings import IndexSettings
from ringfence.ledger.settings import LedgerSettings, TrunkSettings
from ringfence.lookups.settings import RedisSettings, RoamingSettings
from ringfence.mirror.settings import MirrorSettings
from ringfence.numbering.settings import NumberingSettings
from ringfence.records.settings import RecordsSettings
from ringfence.registry.settings import RegistrySettings
from ringfence.screening.settings import ScreeningSettings
from ringfence.settings_types import Duration, Frozen
from ringfence.telemetry.settings import LoggingSettings
from ringfence.tracing.settings import TraceSettings
from ringfence.transport.settings import ListenerSettings
from ringfence.voice.settings import VoiceSettings


class SecretsSettings(Frozen):
    """Files with secret keys, 64 hexadecimal digits each (`openssl rand -hex 32`)."""

    route_key_file: Path | None = Field(
        None,
        description="signs our Record-Route, so that nobody can invent a dialog; nodes in front of one softswitch "
        "share it; none: made at the first start in data_directory/keys/route.key",
    )


class ReloadSettings(Frozen):
    """When changed files take effect without being asked."""

    watch: bool = Field(True, description="look for changed files; SIGHUP reloads in any case")
    interval: Duration = Field(
        1.0, gt=0, description="time between two looks; a change is taken once it holds still for one interval"
    )


class Settings(Frozen):
    """A whole configuration file."""

    node: str = Field(
        "ringfence",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        description="name of this daemon in metrics, logs and health answers",
    )
    data_directory: Path = Field(
        Path("data"), description="folder for the embedded store and for keys made at the first start; made if missing"
    )
    workers: int = Field(
        1,
        ge=1,
        le=64,
        description="processes that serve calls; from 2 on a front process hands each message to one, by its Call-ID",
    )
    worker_deadline: Duration = Field(
        10.0,
        ge=2,
        le=86_400,
        description="silence after which a worker hangs: it is killed and replaced; held by a debugger it is spared",
    )
    listeners: tuple[ListenerSettings, ...] = Field(min_length=1, description="sockets that SIP arrives on")
    sip: SipSettings = Field(default_factory=SipSettings, description="the proxy's own behaviour")
    gateways: dict[str, GatewayGroupSettings] = Field(
        min_length=1, description="groups of gateways that calls are forwarded to, by name"
    )
    ledger: LedgerSettings = Field(
        default_factory=LedgerSettings, description="the trunk ledger: who holds which numbers and shows them where"
    )
    trunks: tuple[TrunkSettings, ...] = Field(
        (),
        description="who may send calls and which numbers they may show; for small installations, or beside the ledger",
    )
    numbering: NumberingSettings = Field(default_factory=NumberingSettings, description="how written numbers are read")
    calendars: CalendarsSettings = Field(
        default_factory=CalendarsSettings, description="public holidays and shifted working days by country"
    )
    screening: ScreeningSettings = Field(
        default_factory=ScreeningSettings, description="rules, thresholds, answers and tags"
    )
    redis: RedisSettings = Field(default_factory=RedisSettings, description="the store of consent, scores and counters")
    records: RecordsSettings = Field(
        default_factory=RecordsSettings, description="one durable record of every INVITE, written before it goes on"
    )
    clickhouse: ClickHouseSettings = Field(
        default_factory=ClickHouseSettings, description="records fed to ClickHouse, and searched there"
    )
    mirror: MirrorSettings = Field(
        default_factory=MirrorSettings,
        description="copies of messages and decisions: HEP3 to Homer, captures on demand",
    )
    roaming: RoamingSettings = Field(
        default_factory=RoamingSettings, description="who says which subscribers are abroad"
    )
    registry: RegistrySettings = Field(
        default_factory=RegistrySettings, description="consents, refusals and wishes with their evidence"
    )
    trace: TraceSettings = Field(
        default_factory=TraceSettings, description="with whom calls are traced back beyond our own hop"
    )
    index: IndexSettings = Field(
        default_factory=IndexSettings, description="how the store's copy of consents and refusals is kept up to date"
    )
    voice: VoiceSettings = Field(
        default_factory=VoiceSettings, description="service numbers by which subscribers refuse marketing calls"
    )
    control: ControlSettings = Field(
        default_factory=ControlSettings, description="HTTP for operators: metrics and health"
    )
    logging: LoggingSettings = Field(default_factory=LoggingSettings, description="what is logged")
    secrets: SecretsSettings = Field(default_factory=SecretsSettings, description="secret keys that are kept in files")
    reload: ReloadSettings = Field(default_factory=ReloadSettings, description="when changed files take effect")
