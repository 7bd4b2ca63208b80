"""What is built: the bundle of what was seen, compiled where no bundle at hand has the same content."""

from collections.abc import Mapping
from dataclasses import dataclass

from pdp.core.bundle.bundle import Bundle, build
from pdp.core.bundle.content import encode
from pdp.core.bundle.manifest import Manifest
from pdp.core.contract.digest import digest_of
from pdp.lifecycle.source import BundleSource, Sighting


@dataclass(frozen=True, slots=True)
class Build:
    """A bundle that may become active, and its content, None where that is the active one's.

    Its serial is 0 where the source gives none.
    """

    bundle: Bundle
    content: bytes | None


class Builds:
    """Builds from `source`; the last one is held until it is active, so that a retry compiles nothing."""

    def __init__(self, source: BundleSource, *, answer_max_age: float) -> None:
        self._source = source
        self._answer_max_age = answer_max_age
        self._held: tuple[str, Build] | None = None

    def of(self, seen: Sighting, *, active: Bundle | None) -> Build:
        """The bundle of what was seen.

        Raises:
            ConfigurationError: with every problem.
            BundleError: `bundle_untrusted`, the files are not those that were seen.
            SourceError: they cannot be had now.

        """
        manifest = None if seen.head is None else seen.head.unverified()
        if active is not None and manifest is not None and _have_same_files(manifest, active.manifest):
            return Build(active.under(manifest), None)
        if self._held is None or self._held[0] != seen.state:
            self._held = (seen.state, self._built(seen, manifest, active))
        return self._held[1]

    def release(self) -> None:
        """Hold the last one no longer."""
        self._held = None

    def compiled(self, files: Mapping[str, bytes], *, previous: Bundle | None) -> Bundle:
        """The bundle of `files`, ready to answer.

        Raises:
            ConfigurationError: with every problem.

        """
        bundle = build(files, max_age=self._answer_max_age, previous=previous)
        bundle.prepare()
        return bundle

    def _built(self, seen: Sighting, manifest: Manifest | None, active: Bundle | None) -> Build:
        files = self._source.fetch(seen)
        content = encode(files)
        digest = digest_of(content)
        if manifest is not None:
            # Whatever the source checked: what was signed is what is compiled.
            manifest.check(files, digest=digest)
        if active is not None and digest == active.manifest.digest:
            bundle = active
        else:
            bundle = self.compiled(files, previous=active)
        if manifest is None:
            manifest = Manifest(seen.serial or 0, digest, bundle.manifest.parts, origin=seen.origin)
        return Build(bundle.under(manifest), content)


def _have_same_files(one: Manifest, other: Manifest) -> bool:
    return (one.digest, one.parts) == (other.digest, other.parts)
