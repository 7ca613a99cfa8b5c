"""The token of the page: where it comes from, and when one is needed."""

import ipaddress
import os
import secrets

from mambatrack.errors import MambatrackError

SHORTEST_TOKEN = 12
LONGEST_TOKEN = 4096  # characters that are read of a file
TOKEN_VARIABLE = "MAMBATRACK_TOKEN"


def given_token(text: str | None, file: str | None) -> str | None:
    """The token as given: itself, or the first line of a file, or else by the environment; None
    where there is none. Raises MambatrackError where the file cannot be read."""
    if file is None:
        return text if text is not None else os.environ.get(TOKEN_VARIABLE) or None
    try:
        with open(file, encoding="utf-8") as lines:
            return lines.read(LONGEST_TOKEN).partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise MambatrackError(f"no token can be read from {file}: {reason}") from None


def usable_token(host: str, token: str | None) -> str | None:
    """The token to ask for; None on this machine where none was given."""
    if token is None:
        return None if is_loopback(host) else secrets.token_urlsafe(24)
    usable = token.isascii() and token.isprintable() and token == token.strip()
    if len(token) < SHORTEST_TOKEN or not usable:
        raise MambatrackError(
            f"the token is {len(token)} characters long; expected at least {SHORTEST_TOKEN} "
            "printable ASCII characters without blanks around them, or none, for one to be made"
        )
    return token


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
