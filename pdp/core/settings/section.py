"""What every section of the settings is made of: strict, frozen sections, durations, paths."""

import ipaddress
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


def network(value: Any) -> Any:
    """`value`, which must write a network.

    Raises:
        ValueError: it is text that writes none.

    """
    if not isinstance(value, str):
        return value
    try:
        found = ipaddress.ip_network(value)
    except ValueError as error:
        raise ValueError(
            "must be a network, `10.0.0.0/8` or `2001:db8::/32`, without bits beyond its length, or an address"
        ) from error
    if isinstance(found, ipaddress.IPv6Network) and (found.network_address.ipv4_mapped or "%" in value):
        raise ValueError("must be without a zone, and an IPv4 network is written as one")
    return value


Cidr = Annotated[str, BeforeValidator(network)]
"""A network in CIDR notation."""
