"""Data files that come with ringfence: YAML of config/, packed into the wheel, one model each."""

from __future__ import annotations

from importlib.resources import files
from typing import Generic, TypeVar

import yaml
from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)

# Every scalar stays the text it is: with PyYAML's own idea of types an area code 021555 is octal 9069.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class Shipped(Generic[Model]):
    """The YAML files of one folder of a package, each read once, when it is asked for."""

    def __init__(self, package: str, folder: str, model: type[Model]) -> None:
        self._folder = files(package).joinpath(folder)
        self._model = model
        self._read: dict[str, Model] = {}

    def names(self) -> list[str]:
        """The names of all files, sorted."""
        return sorted(
            entry.name.removesuffix(".yaml") for entry in self._folder.iterdir() if entry.name.endswith(".yaml")
        )

    def get(self, name: str) -> Model:
        """What a file says. Raises KeyError."""
        if name not in self._read:
            if name not in self.names():
                raise KeyError(name)
            data = self._folder.joinpath(f"{name}.yaml").read_bytes()
            self._read[name] = self._model.model_validate(yaml.load(data, _LOADER))  # noqa: S506 - makes text alone
        return self._read[name]
