"""What every section of the settings is made of: strict, frozen sections, durations, paths."""

import re
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNIT_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration(value: Any) -> float:
    """The seconds that `value` writes as a number with a unit.

    Raises:
        ValueError: it is no such text.

    """
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a duration is a number with a unit: `500ms`, `10s`, `5m`, `24h`")
    return float(match[1]) * _UNIT_SECONDS[match[2]]


Seconds = Annotated[float, BeforeValidator(duration), Field(gt=0)]


class Section(BaseModel):
    """A section: unknown keys are refused, values are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)


def _path(value: Any) -> Any:
    return Path(value) if isinstance(value, str) else value


FilePath = Annotated[Path, BeforeValidator(_path)]
