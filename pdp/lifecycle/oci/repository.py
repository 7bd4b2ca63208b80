"""Names in a registry: repositories and tags (OCI distribution specification 1.1, "Pulling manifests")."""

import re
from dataclasses import dataclass
from typing import Final

from pdp.lifecycle.web import site
from pdp.tokens.fetch.endpoint import Endpoint
from pdp.tokens.fetch.unavailable import UnavailableError

MAX_NAME: Final = 255

_SCHEMES: Final = {"oci://": "https://", "oci+http://": "http://"}
_COMPONENT: Final = r"[a-z0-9]++(?:(?:\.|__?|-++)[a-z0-9]++)*+"
_NAME: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*+")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository; `registry` is the root of the server that has it."""

    url: str
    registry: Endpoint
    name: str

    def at(self, path: str, *, query: str = "") -> Endpoint:
        """The endpoint `path` of the repository."""
        raw = f"/v2/{self.name}/{path}{'?' + query if query else ''}"
        return Endpoint(self.registry.url.copy_with(raw_path=raw.encode("ascii")), self.registry.exposure)


def repository_of(url: str) -> Repository:
    """The repository that `url` (`oci://HOST[:PORT]/NAME`, on loopback also `oci+http://`) names.

    Raises:
        UnavailableError: it names none, or one that must not be asked.

    """
    for scheme, carrier in _SCHEMES.items():
        if url.startswith(scheme):
            endpoint = site(carrier + url.removeprefix(scheme))
            # As it was written: a URL's path is another one once its dots are gone.
            name = url.removeprefix(scheme).partition("/")[2]
            if len(name) > MAX_NAME or not _NAME.fullmatch(name):
                break
            return Repository(url, endpoint, name)
    raise UnavailableError("this is no repository of a registry: write `oci://HOST/REPOSITORY`, in lower case")


def is_tag(text: str) -> bool:
    """Whether `text` can be a tag."""
    return _TAG.fullmatch(text) is not None
