import asyncio
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pdp.core.contract.errors import ConfigurationError, TokenError, UnusableError
from pdp.core.contract.identifier import rfc3339
from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode
from pdp.core.identity.builtin import BUILT_IN
from pdp.core.identity.claims import CredentialKind, VerifiedClaims
from pdp.core.identity.mapped import principal_of
from pdp.core.identity.principal import PrincipalType, SubjectProperties
from pdp.tokens.local.api_keys.editing import revoked, rotated
from pdp.tokens.local.api_keys.entry import KeyEntry, read_entries, write_entries
from pdp.tokens.local.api_keys.key_file import KeyFile
from pdp.tokens.local.api_keys.key_ring import LOOK_AGAIN_SECONDS, KeyRing
from pdp.tokens.local.api_keys.key_text import ApiKey, new_key, read_key
from pdp.tokens.local.api_keys.verifier import HELD_SECONDS, KEYS_ISSUER, KeyVerifier
from pdp.tokens.local.attempts import BY_NAME
from tests.unit.tokens.local.hashing import MARK, PlainHash
from tests.unit.tokens.minting import NOW, Events

KEY = new_key(randomness=bytes(range(42)))
OTHER = new_key(randomness=bytes(range(1, 43)))
WRONG = ApiKey(KEY.id, OTHER.secret)
DAY = 86_400.0


def entry(key: ApiKey = KEY, **changes: Any) -> KeyEntry:
    good = KeyEntry(key.id, "ci", MARK + key.secret, rfc3339(NOW), rfc3339(NOW + DAY))
    return msgspec.structs.replace(good, **changes)


class Place:
    """A file of keys with a verifier before it."""

    def __init__(self, folder: Path, *entries: KeyEntry) -> None:
        self.path = folder / "api-keys.json"
        self.events = Events()
        self.hashing = PlainHash()
        self.write(*entries)
        ring = KeyRing(KeyFile(self.path), log=self.events.log())
        self.verifier = KeyVerifier(ring, hashing=self.hashing, alias="keys")

    def write(self, *entries: KeyEntry) -> None:
        KeyFile(self.path).change(lambda _: entries)

    async def verify(self, text: str = KEY.text, *, now: float = NOW) -> VerifiedClaims:
        return await self.verifier.verify(text, now=now)

    async def refused(self, text: str = KEY.text, *, now: float = NOW) -> ReasonCode:
        with pytest.raises(TokenError) as caught:
            await self.verify(text, now=now)
        assert text not in str(caught.value)
        return caught.value.code

    async def told(self, text: str = KEY.text, *, now: float = NOW) -> str:
        """What the caller reads."""
        with pytest.raises(TokenError) as caught:
            await self.verify(text, now=now)
        return caught.value.caller_text


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, entry())


def test_a_key_reads_as_it_was_written_and_shows_no_secret() -> None:
    assert read_key(KEY.text) == KEY
    assert (len(KEY.text), KEY.text[:4], KEY.text[4:20]) == (80, "tgk_", KEY.id)
    assert KEY.secret not in repr(KEY)


def test_every_mistyped_character_is_noticed_before_any_work() -> None:
    for place, character in enumerate(KEY.text):
        for other in ("a", "b", "7", "_", "A", "1", " "):
            if other != character:
                with pytest.raises(TokenError) as caught:
                    read_key(KEY.text[:place] + other + KEY.text[place + 1 :])
                assert caught.value.code is ReasonCode.TOKEN_INVALID


@pytest.mark.parametrize(
    "text",
    ["", "tgk_", KEY.text[:-1], KEY.text + "a", KEY.text + "\n", " " + KEY.text, KEY.text.upper(), KEY.text * 300],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(TokenError):
        read_key(text)


async def test_a_key_speaks_for_its_principal(tmp_path: Path) -> None:
    full = entry(groups=("eng",), roles=("dev",), scopes=("a", "b"), tenant="acme")
    found = await Place(tmp_path, full).verify()
    claims = {"sub": "ci", "groups": ["eng"], "roles": ["dev"], "scope": "a b", "tenant": "acme"}
    assert found == VerifiedClaims("keys", KEYS_ISSUER, "ci", NOW + DAY, claims, CredentialKind.API_KEY)
    principal = principal_of(found, mapping=BUILT_IN)
    assert (principal.type, principal.id) == (PrincipalType.USER, "keys|ci")
    assert principal.properties == SubjectProperties(("keys|eng",), ("keys|dev",), "keys|acme", mapping=BUILT_IN.digest)


async def test_a_key_of_an_agent_makes_an_agent(tmp_path: Path) -> None:
    found = await Place(tmp_path, entry(type=PrincipalType.AGENT)).verify()
    assert principal_of(found, mapping=BUILT_IN).type is PrincipalType.AGENT


async def test_a_wrong_secret_and_an_unknown_id_cost_and_say_the_same(place: Place) -> None:
    with pytest.raises(TokenError) as wrong:
        await place.verify(WRONG.text)
    with pytest.raises(TokenError) as unknown:
        await place.verify(OTHER.text)
    assert str(wrong.value) == str(unknown.value)
    assert place.hashing.checked == [MARK + KEY.secret, None]


async def test_only_its_holder_learns_that_a_key_was_revoked_or_has_expired(tmp_path: Path) -> None:
    place = Place(tmp_path, entry(revoked=rfc3339(NOW)), entry(OTHER, expires=rfc3339(NOW)))
    assert await place.told(KEY.text) == "the API key was revoked"
    assert await place.told(OTHER.text) == CALLER_TEXT[ReasonCode.TOKEN_EXPIRED]
    assert await place.told(WRONG.text) == CALLER_TEXT[ReasonCode.TOKEN_INVALID]


async def test_a_key_is_good_until_the_second_it_expires(place: Place) -> None:
    assert (await place.verify(now=NOW + DAY - 0.001)).subject == "ci"
    assert await place.refused(now=NOW + DAY) is ReasonCode.TOKEN_EXPIRED


async def test_a_revocation_is_seen_within_seconds_though_the_key_was_known_to_be_right(place: Place) -> None:
    await place.verify()
    KeyFile(place.path).change(lambda entries: revoked(entries, key_id=KEY.id, now=NOW))
    assert await place.told(now=NOW + LOOK_AGAIN_SECONDS) == "the API key was revoked"


async def test_a_right_key_is_hashed_once_and_again_after_a_while_or_when_its_hash_changes(place: Place) -> None:
    for _ in range(3):
        await place.verify()
    assert len(place.hashing.checked) == 1
    await place.verify(now=NOW + HELD_SECONDS)
    assert len(place.hashing.checked) == 2
    place.write(entry(hash=MARK + "another"))
    assert await place.refused(now=NOW + HELD_SECONDS + LOOK_AGAIN_SECONDS) is ReasonCode.TOKEN_INVALID
    assert len(place.hashing.checked) == 3


async def test_many_uses_at_once_share_one_hash(place: Place) -> None:
    place.hashing.gate.clear()
    uses = [asyncio.ensure_future(place.verify()) for _ in range(50)]
    await place.hashing.started.wait()
    place.hashing.gate.set()
    assert {found.subject for found in await asyncio.gather(*uses)} == {"ci"}
    assert len(place.hashing.checked) == 1


async def test_one_who_goes_away_takes_nobody_along(place: Place) -> None:
    place.hashing.gate.clear()
    first, second = (asyncio.ensure_future(place.verify()) for _ in range(2))
    await place.hashing.started.wait()
    first.cancel()
    place.hashing.gate.set()
    assert (await second).subject == "ci"


async def test_guesses_are_limited_by_key_id_known_or_not(place: Place) -> None:
    for text in (WRONG.text, OTHER.text):
        codes = [await place.refused(text) for _ in range(BY_NAME.free + 2)]
        assert codes == [ReasonCode.TOKEN_INVALID] * BY_NAME.free + [ReasonCode.LIMIT_EXCEEDED] * 2
    assert len(place.hashing.checked) == 2 * BY_NAME.free


async def test_guesses_do_not_lock_out_a_holder_whose_key_is_in_use(place: Place) -> None:
    await place.verify()
    for _ in range(BY_NAME.free + 1):
        await place.refused(WRONG.text)
    assert (await place.verify()).subject == "ci"


async def test_when_too_many_wait_for_a_hash_it_is_a_limit_and_nobodys_fault(place: Place) -> None:
    place.hashing.busy = True
    codes = {await place.refused() for _ in range(2 * BY_NAME.free)}
    place.hashing.busy = False
    assert codes == {ReasonCode.LIMIT_EXCEEDED}
    assert (await place.verify()).subject == "ci"


async def test_a_file_that_cannot_be_used_lets_nobody_in_until_it_can(place: Place) -> None:
    await place.verify()
    now = NOW
    for spoil in (
        lambda: place.path.write_text("{"),
        lambda: place.path.chmod(0o620),
        place.path.unlink,
    ):
        spoil()
        now += LOOK_AGAIN_SECONDS
        assert await place.refused(now=now) is ReasonCode.ISSUER_UNAVAILABLE
        place.path.unlink(missing_ok=True)
        place.write(entry())
        now += LOOK_AGAIN_SECONDS
        assert (await place.verify(now=now)).subject == "ci"
    assert len(place.events.named("api_keys_unusable")) == 3


def test_entries_read_as_they_were_written() -> None:
    entries = (entry(), entry(OTHER, groups=("a",), revoked=rfc3339(NOW), type=PrincipalType.AGENT))
    assert read_entries(write_entries(entries), file="k") == entries


def broken(**changes: Any) -> bytes:
    good = json.loads(write_entries([entry()]))
    good["keys"][0].update(changes)
    return json.dumps(good).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"version: 2",
        b"version: '1'",
        b"version: 1\nkeys: {}",
        b"version: 1\nversion: 1",
        b"version: 1\nextra: 1",
        broken(id="short"),
        broken(id="A" * 16),
        broken(subject=""),
        broken(subject=5),
        broken(hash="plain"),
        broken(hash="$argon2i$v=19$x"),
        broken(expires=None),
        broken(expires="tomorrow"),
        broken(expires="2026-02-30T00:00:00.000Z"),
        broken(groups="eng"),
        broken(groups=[""]),
        broken(admin=True),
        broken(type="root"),
        write_entries([entry(), entry()]),
    ],
)
def test_a_file_that_is_not_quite_right_is_refused_whole(content: bytes) -> None:
    with pytest.raises(ConfigurationError):
        read_entries(content, file="k")


def test_a_problem_in_the_file_tells_no_value() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_entries(broken(hash="s3cret-hash"), file="k")
    assert "s3cret-hash" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    file = KeyFile(tmp_path / "k.json")
    file.change(lambda _: [entry()])
    file.path.chmod(mode)
    with pytest.raises(UnusableError, match="others can write"):
        file.read()


def test_a_pipe_or_a_folder_is_no_file_of_keys(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(UnusableError):
            KeyFile(path).read()


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "deep" / "k.json")
    file.change(lambda entries: [*entries, entry()])
    assert (file.path.stat().st_mode & 0o777, file.read()[1]) == (0o600, (entry(),))


def test_after_a_rotation_both_keys_are_good_for_a_while() -> None:
    full = entry(groups=("eng",), scopes=("a",))
    new = entry(OTHER, subject="-", expires=rfc3339(NOW + 9 * DAY))
    entries, made = rotated([full], old=KEY.id, new=new, now=NOW, overlap=3600)
    assert made == msgspec.structs.replace(new, subject="ci", groups=("eng",), scopes=("a",))
    assert entries == [msgspec.structs.replace(full, expires=rfc3339(NOW + 3600)), made]


def test_a_rotation_never_lengthens_the_old_key_and_revives_none() -> None:
    new = entry(OTHER)
    entries, _ = rotated([entry()], old=KEY.id, new=new, now=NOW, overlap=9 * DAY)
    assert entries[0] == entry()
    for dead in (entry(revoked=rfc3339(NOW)), entry(expires=rfc3339(NOW))):
        with pytest.raises(UnusableError, match="no longer"):
            rotated([dead], old=KEY.id, new=new, now=NOW, overlap=1)
    with pytest.raises(UnusableError, match="there is no key"):
        rotated([entry()], old=OTHER.id, new=new, now=NOW, overlap=1)


def test_a_key_is_revoked_once() -> None:
    once = revoked([entry()], key_id=KEY.id, now=NOW)
    assert revoked(once, key_id=KEY.id, now=NOW + 5) == once == [entry(revoked=rfc3339(NOW))]
