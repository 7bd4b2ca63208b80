import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from pdp.core.contract.errors import Refused, TokenError, UnusableError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import CredentialKind
from pdp.tokens.local.accounts.account import Account, AccountState, AccountsUnavailableError, CodePurpose
from pdp.tokens.local.accounts.login import HELD_SECONDS, AccountPasswords, Logins
from pdp.tokens.local.accounts.sql_store import SqlAccounts
from pdp.tokens.local.accounts.standing import KNOWN_SECONDS, Standings
from pdp.tokens.local.attempts import BY_ADDRESS, BY_MAIL, BY_NAME
from tests.unit.tokens.local.accounts_place import EMAIL, PASSWORD, Place, claims_of
from tests.unit.tokens.minting import NOW

NEW = "another long password"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path)
    yield found
    found.store.close()


async def test_one_who_was_invited_joins_and_logs_in(place: Place) -> None:
    code = place.invite(groups=("eng",), roles=("dev",), scopes=("a", "b"))
    await place.join(code)
    token = await place.login("Alice@Example.com")
    said = claims_of(token)
    assert token.expires_in == 900
    assert {name: said[name] for name in said if name != "jti"} == {
        "iss": "https://gate.example.com",
        "aud": "https://gate.example.com/mcp",
        "sub": EMAIL,
        "email": EMAIL,
        "groups": ["eng"],
        "roles": ["dev"],
        "scope": "a b",
        "ver": 2,
        "iat": int(NOW),
        "exp": int(NOW) + 900,
    }
    assert [event["event"] for event in place.events] == ["account_password_set", "account_login"]


async def refusal(work: "asyncio.Future[object] | object") -> tuple[ReasonCode, str]:
    with pytest.raises(Refused) as caught:
        await work  # type: ignore[misc]
    return caught.value.code, caught.value.caller_text


async def test_nobody_learns_whether_there_is_an_account(place: Place) -> None:
    await place.member()
    place.invite("invited@example.com")
    await place.member("gone@example.com")
    place.store.set_state("gone@example.com", state=AccountState.DISABLED)
    place.hashing.checked.clear()
    answers = {
        await refusal(place.login(email, password=password))
        for email, password in [
            (EMAIL, "not the password"),
            ("nobody@example.com", PASSWORD),
            ("invited@example.com", PASSWORD),
            ("gone@example.com", PASSWORD),
            ("no address at all", PASSWORD),
        ]
    }
    assert answers == {(ReasonCode.TOKEN_INVALID, "e-mail address or password is wrong")}
    assert [encoded is None for encoded in place.hashing.checked] == [False, True, True, True, True]


async def test_guesses_lock_known_and_unknown_names_alike_and_the_lock_ends(place: Place) -> None:
    await place.member()
    for email in (EMAIL, "nobody@example.com"):
        codes = [(await refusal(place.login(email, password="wrong")))[0] for _ in range(BY_NAME.free + 1)]
        assert codes == [ReasonCode.TOKEN_INVALID] * BY_NAME.free + [ReasonCode.LIMIT_EXCEEDED]
    assert (await refusal(place.login()))[0] is ReasonCode.LIMIT_EXCEEDED
    assert (await place.login(now=NOW + BY_NAME.first)).expires_in == 900


async def test_guesses_at_many_names_from_one_address_are_limited(place: Place) -> None:
    codes = [
        (await refusal(place.login(f"n{number}@example.com", address="192.0.2.9")))[0]
        for number in range(BY_ADDRESS.free + 1)
    ]
    assert codes == [ReasonCode.TOKEN_INVALID] * BY_ADDRESS.free + [ReasonCode.LIMIT_EXCEEDED]
    await place.member()
    assert (await place.login(address="192.0.2.1")).expires_in == 900


async def test_those_who_log_in_often_from_one_address_are_not_limited(place: Place) -> None:
    await place.member()
    for _ in range(BY_ADDRESS.free + 10):
        await place.login()


async def test_a_code_is_good_once(place: Place) -> None:
    code = place.invite()
    outcomes = await asyncio.gather(*(place.join(code) for _ in range(5)), return_exceptions=True)
    assert [outcome for outcome in outcomes if outcome is None] == [None]
    assert {type(outcome) for outcome in outcomes} == {type(None), TokenError}
    assert (await refusal(place.join(code)))[0] is ReasonCode.TOKEN_INVALID


async def test_a_code_expires_and_a_newer_one_replaces_it(place: Place) -> None:
    code = place.invite()
    assert (await refusal(place.join(code, now=NOW + 7200)))[0] is ReasonCode.TOKEN_INVALID
    newer = place.invite()
    assert (await refusal(place.join(code)))[0] is ReasonCode.TOKEN_INVALID
    await place.join(newer)


async def test_a_password_that_will_not_do_leaves_the_code_good(place: Place) -> None:
    code = place.invite()
    for weak in ("short", EMAIL, "a" * 20, "x" * 300):
        assert (await refusal(place.join(code, password=weak)))[0] is ReasonCode.REQUEST_INVALID
    await place.join(code)


async def test_guesses_at_codes_are_limited(place: Place) -> None:
    codes = [(await refusal(place.join(f"guess{n}")))[0] for n in range(BY_ADDRESS.free + 1)]
    assert codes == [ReasonCode.TOKEN_INVALID] * BY_ADDRESS.free + [ReasonCode.LIMIT_EXCEEDED]


def test_the_store_has_no_code_and_no_password(place: Place) -> None:
    code = place.invite()
    content = b"".join(path.read_bytes() for path in place.folder.glob("accounts.db*"))
    assert EMAIL.encode() in content
    assert code.encode() not in content
    assert code.replace("-", "").encode() not in content


async def test_a_reset_goes_to_active_accounts_alone_and_says_the_same_of_all(place: Place) -> None:
    await place.member()
    place.invite("invited@example.com")
    before = len(place.box.sent)
    for number, email in enumerate(("nobody@example.com", "invited@example.com", "no\r\naddress", EMAIL)):
        await place.accounts.reset(email, address=f"192.0.2.{number}", now=NOW)
    await place.accounts.aclose()
    assert [message["To"] for message in place.box.sent[before:]] == [EMAIL]
    await place.join(place.box.code, password=NEW)
    assert (await refusal(place.login()))[0] is ReasonCode.TOKEN_INVALID
    assert (await place.login(password=NEW)).expires_in == 900


async def test_nobody_is_flooded_with_mail(place: Place) -> None:
    await place.member()
    before = len(place.box.sent)
    for number in range(BY_MAIL.free + 5):
        await place.accounts.reset(EMAIL, address=f"192.0.2.{number}", now=NOW)
    await place.accounts.aclose()
    assert len(place.box.sent) - before == BY_MAIL.free
    for _ in range(BY_ADDRESS.free):
        await place.accounts.reset("nobody@example.com", address="198.51.100.1", now=NOW)
    work = place.accounts.reset("nobody@example.com", address="198.51.100.1", now=NOW)
    assert (await refusal(work))[0] is ReasonCode.LIMIT_EXCEEDED


async def test_a_mail_server_that_is_down_is_logged_and_nothing_else(place: Place) -> None:
    await place.member()
    place.box.down = True
    await place.accounts.reset(EMAIL, address="192.0.2.1", now=NOW)
    await place.accounts.aclose()
    (failed,) = place.events.named("account_mail_failed")
    assert EMAIL not in str(failed)


async def test_a_disabled_account_joins_no_more(place: Place) -> None:
    code = place.invite()
    place.store.set_state(EMAIL, state=AccountState.DISABLED)
    assert (await refusal(place.join(code)))[0] is ReasonCode.TOKEN_INVALID


async def test_a_changed_password_replaces_the_old_one_and_moves_the_version(place: Place) -> None:
    await place.member()
    before = claims_of(await place.login())["ver"]
    await place.accounts.change(EMAIL, password=PASSWORD, new=NEW, address="192.0.2.1", now=NOW)
    assert claims_of(await place.login(password=NEW))["ver"] == before + 1
    work = place.accounts.change(EMAIL, password=PASSWORD, new="a third long password", address="192.0.2.1", now=NOW)
    assert (await refusal(work))[0] is ReasonCode.TOKEN_INVALID


async def test_a_token_ends_when_its_account_changes(place: Place) -> None:
    await place.member()
    version = claims_of(await place.login())["ver"]
    standings = Standings(place.store)
    await standings.check(EMAIL, version=version, now=NOW)
    place.store.set_state(EMAIL, state=AccountState.DISABLED)
    await standings.check(EMAIL, version=version, now=NOW + KNOWN_SECONDS - 0.1)
    assert (await refusal(standings.check(EMAIL, version=version, now=NOW + KNOWN_SECONDS)))[
        0
    ] is ReasonCode.TOKEN_INVALID
    place.store.set_state(EMAIL, state=AccountState.ACTIVE)
    later = NOW + 2 * KNOWN_SECONDS
    assert (await refusal(standings.check(EMAIL, version=version, now=later)))[0] is ReasonCode.TOKEN_INVALID
    for odd in (None, "2", 2.5, [2], "nobody"):
        assert (await refusal(standings.check(EMAIL, version=odd, now=later)))[0] is ReasonCode.TOKEN_INVALID
    assert (await refusal(standings.check("n@example.com", version=1, now=later)))[0] is ReasonCode.TOKEN_INVALID


async def test_a_token_that_is_newer_than_what_is_known_is_good_at_once(place: Place) -> None:
    await place.member()
    standings = Standings(place.store)
    old = claims_of(await place.login())["ver"]
    await standings.check(EMAIL, version=old, now=NOW)
    await place.accounts.change(EMAIL, password=PASSWORD, new=NEW, address="192.0.2.1", now=NOW)
    await standings.check(EMAIL, version=claims_of(await place.login(password=NEW))["ver"], now=NOW)
    assert (await refusal(standings.check(EMAIL, version=old, now=NOW)))[0] is ReasonCode.TOKEN_INVALID
    assert (await refusal(standings.check(EMAIL, version=99, now=NOW)))[0] is ReasonCode.TOKEN_INVALID


def basic(place: Place) -> AccountPasswords:
    logins = Logins(place.store, hashing=place.hashing)
    return AccountPasswords(logins, standings=Standings(place.store), issuer=place.issuer, secret=b"k" * 32)


async def test_a_password_with_each_request_is_hashed_once_for_a_while(place: Place) -> None:
    await place.member(groups=("eng",))
    passwords = basic(place)
    place.hashing.checked.clear()
    found = await asyncio.gather(
        *(passwords.verify_password(EMAIL, password=PASSWORD, now=NOW) for _ in range(BY_NAME.free + 5))
    )
    assert {(one.alias, one.subject, one.kind) for one in found} == {("local", EMAIL, CredentialKind.PASSWORD)}
    await passwords.verify_password(EMAIL, password=PASSWORD, now=NOW + 1)
    assert len(place.hashing.checked) == 1
    await passwords.verify_password(EMAIL, password=PASSWORD, now=NOW + HELD_SECONDS)
    assert len(place.hashing.checked) == 2


async def test_a_password_that_was_right_ends_with_its_account(place: Place) -> None:
    await place.member()
    passwords = basic(place)
    await passwords.verify_password(EMAIL, password=PASSWORD, now=NOW)
    place.store.set_state(EMAIL, state=AccountState.DISABLED)
    work = passwords.verify_password(EMAIL, password=PASSWORD, now=NOW + KNOWN_SECONDS)
    assert (await refusal(work))[0] is ReasonCode.TOKEN_INVALID


async def test_a_store_that_fails_lets_nobody_in_and_counts_against_nobody(place: Place) -> None:
    await place.member()
    place.store.close()
    (place.folder / "accounts.db").rename(place.folder / "away")
    with sqlite3.connect(place.folder / "accounts.db") as other:
        other.execute("CREATE TABLE toolgate_accounts (x)")
    for suffix in ("-wal", "-shm"):
        (place.folder / f"accounts.db{suffix}").unlink(missing_ok=True)
    codes = {(await refusal(place.login()))[0] for _ in range(BY_NAME.free + 2)}
    assert codes == {ReasonCode.ISSUER_UNAVAILABLE}
    with pytest.raises(AccountsUnavailableError) as caught:
        place.store.find(EMAIL)
    assert EMAIL not in str(caught.value)


def test_a_new_database_is_its_owners_and_one_of_another_version_is_left_alone(tmp_path: Path) -> None:
    SqlAccounts("sqlite:///deep/a.db", base=tmp_path).close()
    path = tmp_path / "deep" / "a.db"
    assert path.stat().st_mode & 0o777 == 0o600
    with create_engine(f"sqlite:///{path}").begin() as connection:
        connection.execute(text("UPDATE toolgate_accounts_schema SET version = 9"))
    with pytest.raises(UnusableError, match="version"):
        SqlAccounts("sqlite:///deep/a.db", base=tmp_path)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "nonsense", "sqlite:///a?mode=ro", "nodb://x/y"])
def test_what_is_no_place_to_keep_accounts_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(UnusableError):
        SqlAccounts(url, base=tmp_path)


def test_an_account_is_invited_once_and_listed(place: Place) -> None:
    first = place.store.invite(Account(EMAIL, groups=("eng",)))
    assert place.store.invite(Account(EMAIL, groups=("admins",))) == first
    place.store.invite(Account("a@example.com"))
    assert [account.email for account in place.store.all()] == ["a@example.com", EMAIL]
    assert place.store.set_state("n@example.com", state=AccountState.ACTIVE) is None


def test_a_password_is_not_set_over_a_newer_one(place: Place) -> None:
    place.store.invite(Account(EMAIL))
    assert place.store.set_password(EMAIL, password="x", version=1) is None
    active = place.store.set_state(EMAIL, state=AccountState.ACTIVE)
    assert active is not None
    assert place.store.set_password(EMAIL, password="x", version=1) is None
    changed = place.store.set_password(EMAIL, password="x", version=active.version)
    assert changed is not None
    assert (changed.password, changed.version) == ("x", active.version + 1)


def test_a_reset_code_does_not_make_an_invited_account_active(place: Place) -> None:
    place.store.invite(Account(EMAIL))
    place.store.put_code("d", email=EMAIL, purpose=CodePurpose.RESET, expires_at=NOW + 9)
    assert place.store.holder("d", now=NOW) is None
    assert place.store.redeem("d", password="x", now=NOW) is None
