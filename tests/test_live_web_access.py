"""The token of the page: where it may come from."""

import pytest

from mambatrack.errors import MambatrackError
from mambatrack.live.web.access import TOKEN_VARIABLE, given_token, is_loopback, usable_token


def test_an_option_goes_before_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv(TOKEN_VARIABLE, "of-the-environment")
    file = tmp_path / "token"
    file.write_text("of-the-file\nand no more\n")
    assert given_token(None, None) == "of-the-environment"
    assert given_token("of-the-option", None) == "of-the-option"
    assert given_token(None, str(file)) == "of-the-file"
    monkeypatch.setenv(TOKEN_VARIABLE, "")
    assert given_token(None, None) is None


def test_a_file_that_holds_no_token_is_named(tmp_path):
    with pytest.raises(MambatrackError, match="nowhere: No such file"):
        given_token(None, str(tmp_path / "nowhere"))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MambatrackError, match="it is no text"):
        given_token(None, str(tmp_path / "binary"))
    (tmp_path / "empty").write_text("")
    with pytest.raises(MambatrackError, match="the token is 0 characters long"):
        usable_token("127.0.0.1", given_token(None, str(tmp_path / "empty")))


@pytest.mark.parametrize("token", [" twelve-letters", "twelve-letters\n", "twelve-letters\t"])
def test_a_token_has_no_blanks_around_it(token):
    with pytest.raises(MambatrackError, match="without blanks"):
        usable_token("127.0.0.1", token)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_alone_needs_no_token(host):
    assert is_loopback(host) and usable_token(host, None) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", ""])
def test_beyond_it_one_is_made(host):
    assert not is_loopback(host) and len(usable_token(host, None)) >= 24
