"""Addresses of cameras and streams, and how they are shown: without passwords.

Makers put passwords in front of the host, into the query, into the path and, some, nowhere that a
parser of addresses would look. So nothing is searched for passwords: only what has the shape of a
host or of an ordinary name of a stream is shown, and the rest is ``***``.
"""

import itertools
import re
from pathlib import Path
from urllib.parse import unquote

from mambatrack.errors import MambatrackError
from mambatrack.sources.file_types import IMAGE_TYPES, VIDEO_TYPES

STREAMS = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp", "srt")
HIDDEN = "***"

# also rtsp:/HOST, rtsp:HOST, http;//HOST and rtsp//HOST
_SCHEME = re.compile(
    r"\W*(?:([a-z][a-z0-9+.-]{1,15})(?:\s*[:;]+\s*[/\\]+|//+)|("
    + "|".join(STREAMS) + r")\s*[:;]+)", re.IGNORECASE,
)  # fmt: skip
_AUTHORITY_END = re.compile(r"[/?#\\]")
_BARE = re.compile(r"\W*(?:\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?:/|$)|[\w.-]+:\d{2,5}/)", re.ASCII)
_SLASHLESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,15}:(?=\S)")  # ivideon:TOKEN, nest:?TOKEN
# in a message: an address, also one with a blank, as JSON or a query writes it, or with the slip of
# a keyboard; a login without a scheme; NAME=SECRET
_IN_TEXT = re.compile(
    r"(?P<address>[a-z][a-z0-9+.-]{1,15} ?[:;.\uff1a] ?[/\\\u2215\uff0f]+\S+(?: \S*@\S+)?"
    r"|[^\s:@/'\"(]{1,64}:[^\s@]{1,128}@\S+)"
    r"|(?P<name>[a-z][a-z0-9+.-]{1,15}%3A%2F|(?<![a-z])(?:pass\w*|\w{0,9}pas|pwd|psw|pw|token|"
    r"secret|auth\w*|sig|signature|apikey|api_key)=)[^\s&]+",
    re.IGNORECASE,
)
_WORD_AND_PATH = re.compile(r"[^\s:;.]+[:;.] (/\S+)")  # as in "expected videos; /data/a has none"
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]|[\w.-]+)(:\d{1,5})?", re.ASCII)
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
        if source.lower().startswith("file://"):
            raise MambatrackError(f"{shown}: a file is named by its path, without file://")
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
    patterns = _SCHEME.match, _BARE.match, _LIKE_A_LOGIN.search
    return any(pattern(source) for pattern in patterns) or _is_slashless(source)


def without_secrets(source: str) -> str:
    """The source as it may be shown: host, port and plain parts of the path.

    User and password, query and fragment are hidden, and the path from the first part on that does
    not look like the name of a stream. What is no address, or is the path of a file, stays.
    """
    if not looks_like_address(source) or _exists(source):
        return source
    if _is_slashless(source):
        return f"{source.split(':')[0]}:{HIDDEN}"
    match = _SCHEME.match(source)
    front = match[0] if match else ""
    user, host, tail = _split(source[len(front) :])
    if host is None:
        return f"{front.strip()}{HIDDEN}"
    return f"{front.strip()}{user}{host}{_shown_tail(tail, 'rtmp' in front.lower())}"


def without_secrets_in(text: str, source: str = "") -> str:
    """A message in which ``source`` and every other address is as it may be shown."""
    for form in filter(None, (source, unquote(source))):
        text = text.replace(form, without_secrets(source))
    return _IN_TEXT.sub(_shown_match, text)


def _is_slashless(source: str) -> bool:
    """Whether it is NAME:REST, where REST is neither the name of a file nor a known stream's."""
    known = _SCHEME.match(source) or source.lower().endswith((*IMAGE_TYPES, *VIDEO_TYPES))
    return not known and _SLASHLESS.match(source) is not None


def _shown_match(match: re.Match[str]) -> str:
    if match["name"]:
        return match["name"] + HIDDEN
    address = match[0].rstrip(".,:;!?)]}'\"")
    path = _WORD_AND_PATH.fullmatch(address)
    if path and _is_here(path[1]):
        return match[0]
    return without_secrets(address) + match[0][len(address) :]


def _exists(source: str) -> bool:
    try:
        return Path(source).exists()
    except (OSError, ValueError):
        return False


def _is_here(path: str) -> bool:
    """Whether it is a path of this machine, or the part in front of a blank of one."""
    above = str(Path(path).parent)
    return _exists(path) or (above.strip("/") != "" and _exists(above))


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
