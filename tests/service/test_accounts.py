"""Access keys and the accounts in them."""

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from antipodes.service import accounts

ACCOUNTS = st.from_regex(r"[0-9]{12}", fullmatch=True).filter(str.isascii)
DEFAULT = "000000000000"


@given(ACCOUNTS, st.text())
def test_temporary_keys_carry_their_account(account: str, salt: str) -> None:
    key = accounts.session_key(account, salt)
    assert re.fullmatch(r"ASIA[A-Z2-7]{16}", key)
    assert accounts.account_of(key, DEFAULT) == account
    assert accounts.session_key(account, salt) == key
    assert accounts.session_key(account, salt + "x") != key


@given(ACCOUNTS, st.text(), st.integers(4, 19), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_a_key_of_someone_elses_is_rarely_taken_for_ours(
    account: str, salt: str, at: int, letter: str
) -> None:
    """Whatever is changed, the checksum may agree by chance, but never about the same key."""
    key = accounts.session_key(account, salt)
    assume(key[at] != letter)
    changed = key[:at] + letter + key[at + 1 :]
    assert accounts.session_secret(changed) != accounts.session_secret(key)
    if at >= 18:  # only the checksum was changed
        assert accounts.session_account(changed) is None


def test_real_temporary_keys_mean_the_default_account() -> None:
    strange = [f"ASIA{n:016d}".translate(str.maketrans("0189", "ABCD")) for n in range(2000)]
    taken = [key for key in strange if accounts.session_account(key) is not None]
    assert len(taken) < 20


@given(st.text())
def test_any_other_key_means_the_default_account(key: str) -> None:
    assume(not re.fullmatch(r"[0-9]{12}", key))
    assert accounts.account_of(key, "123456789012") == "123456789012"
    assert accounts.secret_of(key) == "test"


@given(ACCOUNTS)
def test_twelve_digits_are_the_account(account: str) -> None:
    assert accounts.account_of(account, "999999999999") == account


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_session_tokens_carry_their_principal(arn: str) -> None:
    assert accounts.principal_of(accounts.session_token(arn)) == arn


@given(st.text())
def test_other_tokens_carry_nobody(token: str) -> None:
    assume(not token.startswith("antipodes."))
    assert accounts.principal_of(token) == ""
    assert accounts.principal_of("antipodes.\u00ff!") == ""


def test_secrets_look_like_secrets_and_differ() -> None:
    keys = [accounts.session_key("111122223333", str(n)) for n in range(100)]
    secrets = [accounts.secret_of(key) for key in keys]
    assert len(dict.fromkeys(secrets)) == 100
    assert all(len(secret) == 40 for secret in secrets)
