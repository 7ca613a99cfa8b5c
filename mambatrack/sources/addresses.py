"""Addresses of cameras and streams, and how they are shown: without passwords.

Makers put passwords in front of the host, into the query, into the path and, some, nowhere that a
parser of addresses would look. So nothing is searched for passwords: only what has the shape of a
host or of an ordinary name of a stream is shown, and the rest is ``***``.
"""

import itertools
import re
from pathlib import Path

from mambatrack.errors import MambatrackError

STREAMS = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp", "srt")
HIDDEN = "***"

# also rtsp:/HOST, rtsp:HOST, http;//HOST and rtsp//HOST
_SCHEME = re.compile(
    r"\W*(?:([a-z][a-z0-9+.-]{1,15})(?:\s*[:;]+\s*[/\\]+|//+)|("
    + "|".join(STREAMS) + r")\s*[:;]+)", re.IGNORECASE,
)  # fmt: skip
_AUTHORITY_END = re.compile(r"[/?#\\]")
_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,15}[:;]/+\S+")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d{1,5})?", re.ASCII)
_LIKE_A_LOGIN = re.compile(r"@|(?i:pass|pwd|psw|pw|user|usr|login|token|key|auth|secret)\w*=")
_WORD = re.compile(r"[A-Za-z]{0,13}\d{0,3}[A-Za-z]{0,13}")  # such as h264Preview, ch01, 101
_LOGIN_WORD = re.compile(
    r"(admin\w*|root|usr|user\w*|login\w*|guest|operator|viewer|supervisor|pass\w*|pwd|psw|pw|"
    r"\w*key|\w*token|auth\w*|secret\w*|sig|signature|cred\w*|session\w*|sid|pin)\d*",
    re.ASCII | re.IGNORECASE,
)


def is_stream(source: str) -> bool:
    """Whether it is an address; raises MambatrackError for one of an unknown scheme, or in which
    the host cannot be told from the password."""
    if "://" not in source:
        return False
    if source.split("://")[0].lower() not in STREAMS:
        shown = without_secrets(source)
        raise MambatrackError(f"{shown}: unknown scheme; expected one of {', '.join(STREAMS)}")
    rest = source.split("://", 1)[1]
    authority = _AUTHORITY_END.split(rest, maxsplit=1)[0]
    if "@" in rest and not _HOST.fullmatch(authority.rpartition("@")[2]):
        raise MambatrackError(
            f"{without_secrets(source)}: where does the host begin? In a user name or password, "
            "write / as %2F, ? as %3F, # as %23 and @ as %40"
        )
    return True


def looks_like_address(source: str) -> bool:
    """Whether it is meant to be an address, be it mistyped or without a scheme."""
    return bool(_SCHEME.match(source) or _LIKE_A_LOGIN.search(source))


def without_secrets(source: str) -> str:
    """The source as it may be shown: host, port and plain parts of the path.

    User and password, query and fragment are hidden, and the path from the first part on that does
    not look like the name of a stream. What is no address, or is the path of a file, stays.
    """
    if not looks_like_address(source) or _exists(source):
        return source
    match = _SCHEME.match(source)
    front = match[0] if match else ""
    user, host, tail = _split(source[len(front) :])
    if host is None:
        return f"{front.strip()}{HIDDEN}"
    return f"{front.strip()}{user}{host}{_shown_tail(tail, 'rtmp' in front.lower())}"


def without_secrets_in(text: str, source: str = "") -> str:
    """A message in which ``source`` and every other address is as it may be shown."""
    if source:
        text = text.replace(source, without_secrets(source))
    return _IN_TEXT.sub(_shown_match, text)


def _shown_match(match: re.Match[str]) -> str:
    address = match[0].rstrip(".,:;!?)]}'\"")
    return without_secrets(address) + match[0][len(address) :]


def _exists(source: str) -> bool:
    try:
        return Path(source).exists()
    except (OSError, ValueError):
        return False


def _split(rest: str) -> tuple[str, str | None, str]:
    """("***@" or "", the host, what follows it); the host is None where it is not certain which
    part it is, as a password may hold every character."""
    authority = _AUTHORITY_END.split(rest, maxsplit=1)[0]
    inside, outside = authority.count("@"), rest.count("@") - authority.count("@")
    user = f"{HIDDEN}@" if inside or outside else ""
    if outside and (inside or outside > 1 or _HOST.fullmatch(authority)):
        return user, None, ""
    if inside or outside:
        authority = _AUTHORITY_END.split(rest[rest.rfind("@") + 1 :], maxsplit=1)[0]
    end = rest.rfind("@") + 1 + len(authority)
    if not _HOST.fullmatch(authority):
        return user, None, ""
    return user, authority, rest[end:]


def _shown_tail(tail: str, keyed: bool) -> str:
    """keyed: the last part of the path is a key, as in RTMP"""
    path = re.split(r"[?#]", tail, maxsplit=1)[0]
    more = tail[len(path) :]
    parts = path.split("/")
    names = parts[:-1] if keyed and len(parts) > 2 else parts
    shown = list(itertools.takewhile(_plain, names))
    path = "/".join(shown if len(shown) == len(parts) else [*shown, HIDDEN])
    return path + (more[0] + HIDDEN if len(more) > 1 else "")


def _plain(part: str) -> bool:
    """Whether a part of a path is a name such as a stream has."""
    words = re.split(r"[-_.+]", part)
    return all(_WORD.fullmatch(each) and not _LOGIN_WORD.fullmatch(each) for each in words)
