"""The base of every record of the line protocol."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


def key(name: str, description: str, default: Any = ...) -> Any:
    """A record field: its key on the wire and what it means."""
    return Field(default, alias=name, description=description)


class Record(BaseModel):
    """Base of every frame. `kind` is the letter on the wire."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="ignore")
    kind: ClassVar[str] = ""
