import pytest

from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.tokens.local.accounts.address import normalised
from pdp.tokens.local.accounts.code import code_digest, new_code
from pdp.tokens.local.accounts.password import check_password, prepared
from pdp.tokens.local.attempts import network_of

EMAIL = "alice@example.com"


@pytest.mark.parametrize(
    ("written", "one"),
    [
        ("alice@example.com", "alice@example.com"),
        ("Alice.B+tag@Example.COM", "alice.b+tag@example.com"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("o'hara@a-b.example.co", "o'hara@a-b.example.co"),
    ],
)
def test_an_address_has_one_form(written: str, one: str) -> None:
    assert normalised(written) == one == normalised(one)


@pytest.mark.parametrize(
    "text",
    [
        "", "alice", "@example.com", "alice@", "alice@localhost", "a@b@example.com", "a..b@example.com",
        ".a@example.com",
        "alice@example.com\r\nBcc: eve@example.com", "alice@example.com\n", "alice\0@example.com", "alice @example.com",
        '"alice bob"@example.com', "alice@[127.0.0.1]", "alice@127.0.0.1", "älice@example.com", "alice@exa_mple.com",
        "alice@-x.example", "alice@example..com", "<alice@example.com>", "alice@example.com,eve@example.com",
        "a" * 65 + "@example.com", "a@" + "b." * 126 + "com", "alice\u202e@example.com", "alice@exam\u00adple.com\x00",
    ],
)  # fmt: skip
def test_what_could_end_a_header_or_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        normalised(text)
    assert caught.value.code is ReasonCode.REQUEST_INVALID


@pytest.mark.parametrize(
    "password", ["correct horse", "p\u00e4ssw\u00f6rter sind", "x" * 3 + "yzabcdefgh", "q7" * 3 + "abcdefgh" * 31]
)
def test_long_passwords_will_do(password: str) -> None:
    check_password(password, email=EMAIL)


@pytest.mark.parametrize(
    "password",
    [
        "", "short", "elevenchars", "a" * 12, "abababababab", "x" * 257, "alice@example.com", "ALICE@EXAMPLE.COM!!",
        "I am alice of it", "my example password", "correct\nhorse!", "correct\0horse!",
    ],
)  # fmt: skip
def test_passwords_that_will_not_do_say_why_without_repeating_them(password: str) -> None:
    with pytest.raises(Refused) as caught:
        check_password(password, email=EMAIL)
    assert caught.value.code is ReasonCode.REQUEST_INVALID
    assert len(password) < 6 or password not in str(caught.value)


def test_two_ways_to_type_a_letter_are_one_password() -> None:
    assert prepared("cafe\u0301 au lait!") == prepared("caf\u00e9 au lait!")


def test_a_code_is_read_however_it_was_copied() -> None:
    code = new_code(bytes(range(20)))
    assert (len(code), code.count("-")) == (35, 3)
    copies = {code, code.upper(), code.replace("-", ""), f" {code} ", code.replace("-", " ")}
    assert {code_digest(copy) for copy in copies} == {code_digest(code)}
    others = {"", "a", code[:-1], code + "a", code[:-1] + "1", "\u0131" * 32}
    assert {code_digest(other) for other in others} == {code_digest("no code")} != {code_digest(code)}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("nonsense", "unknown"),
        (None, "unknown"),
    ],
)
def test_attempts_are_counted_by_line_not_by_address(address: str | None, network: str) -> None:
    assert network_of(address) == network
