from __future__ import annotations

from pathlib import Path

from pydantic import Field

from ringfence.config.paths import absolute, every_path
from ringfence.settings_types import Frozen


class Tls(Frozen):
    key: Path
    ca: Path | None = None


class Root(Frozen):
    data: Path = Path("data")
    tls: Tls | None = None
    files: tuple[Path, ...] = ()
    groups: dict[str, Tls] = Field(default_factory=dict)
    name: str = "x"


BASE = Path("/etc/ringfence")


def test_relative_names_start_at_the_base() -> None:
    root = Root(
        tls=Tls(key=Path("k.pem"), ca=Path("/ca.pem")),
        files=(Path("a.csv"), Path("/b.csv")),
        groups={"g": Tls(key=Path("sub/k.pem"))},
    )
    assert absolute(root, BASE) == Root(
        data=BASE / "data",
        tls=Tls(key=BASE / "k.pem", ca=Path("/ca.pem")),
        files=(BASE / "a.csv", Path("/b.csv")),
        groups={"g": Tls(key=BASE / "sub/k.pem")},
    )
    assert root.data == Path("data")


def test_what_holds_no_relative_name_is_shared() -> None:
    root = Root(data=Path("/d"), tls=Tls(key=Path("/k")), files=(Path("/a"),), groups={"g": Tls(key=Path("/k"))})
    assert absolute(root, BASE) is root


def test_every_path_with_its_location() -> None:
    root = Root(tls=Tls(key=Path("k")), files=(Path("a"),), groups={"g": Tls(key=Path("b"))})
    assert list(every_path(root)) == [
        (("data",), Path("data")),
        (("tls", "key"), Path("k")),
        (("files", 0), Path("a")),
        (("groups", "g", "key"), Path("b")),
    ]
