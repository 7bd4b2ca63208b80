"""Bundles for enforcers and auditors: what is signed about the active one, and the content of any that is kept."""

import asyncio
import re
from typing import Final

import structlog

from pdp.core.bundle.content import MEDIA_TYPE as CONTENT_TYPE
from pdp.core.bundle.head import MEDIA_TYPE as HEAD_TYPE
from pdp.core.bundle.head import Head
from pdp.core.contract.digest import digest_of
from pdp.lifecycle.archive import ArchiveError, NotArchivedError
from pdp.server.access import Caller
from pdp.server.catalogs import IMMUTABLE, known_tags
from pdp.server.decider import Bundles
from pdp.server.exchange import Answer, RefusedExchange, Request

MAX_READS: Final = 4
"""Contents read at once; each may be as large as a bundle."""

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


class ArchivedBundles:
    """Serves heads and contents; those who ask for one content at one time share its bytes."""

    def __init__(self, bundles: Bundles) -> None:
        self._bundles = bundles
        self._encoded: tuple[Head, bytes, str] | None = None
        self._reading: dict[str, asyncio.Task[bytes]] = {}
        self._turns = asyncio.Semaphore(MAX_READS)
        self._log = structlog.get_logger("toolgate.pdp")

    async def head(self, http: Request, caller: Caller) -> Answer:  # noqa: ARG002 - one form for every path
        """`GET /v1/bundle`: what is signed about the active bundle; the entity tag is its digest."""
        content, tag = self._encoded_head()
        headers = ((b"etag", tag.encode()),)
        if tag in known_tags(http):
            return Answer(304, headers=headers)
        return Answer(200, content, HEAD_TYPE.encode(), headers)

    async def content(self, http: Request, caller: Caller) -> Answer:  # noqa: ARG002
        """`GET /v1/bundle/{digest}`: the content that has the digest.

        Raises:
            RefusedExchange: 404 where none that is kept has it, 503 where that cannot be told now.

        """
        digest = http.path.rpartition("/")[2]
        try:
            if not _DIGEST.fullmatch(digest):
                raise NotArchivedError("this is no digest of a bundle")
            # Nobody who goes away takes it along for the others.
            content = await asyncio.shield(self._read(digest))
        except NotArchivedError as error:
            raise RefusedExchange(404, "no bundle with this digest is kept here") from error
        except ArchiveError as error:
            self._log.error("archive_unreadable", bundle=digest, cause=str(error))
            raise RefusedExchange(503, "the archive of bundles cannot be read now") from error
        return Answer(200, content, CONTENT_TYPE.encode(), IMMUTABLE)

    def _encoded_head(self) -> tuple[bytes, str]:
        head = self._bundles.head
        if self._encoded is None or self._encoded[0] is not head:
            content = head.to_json()
            self._encoded = head, content, f'"{digest_of(content)}"'
        return self._encoded[1:]

    def _read(self, digest: str) -> asyncio.Task[bytes]:
        reading = self._reading.get(digest)
        if reading is None:
            reading = self._reading[digest] = asyncio.create_task(self._take(digest))
            reading.add_done_callback(lambda _: self._reading.pop(digest, None))
        return reading

    async def _take(self, digest: str) -> bytes:
        async with self._turns:
            return await asyncio.to_thread(self._bundles.archived, digest)
