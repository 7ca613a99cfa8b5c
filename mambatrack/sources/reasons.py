"""Why something outside could not be read."""

import http.client
import urllib.error

from mambatrack.errors import MambatrackError

# what urllib and sockets raise
READ_ERRORS = (OSError, ValueError, EOFError, http.client.HTTPException)

REFUSED = {
    401: ": user and password, as in http://USER:PASSWORD@HOST/..., are missing or wrong",
    403: ": this user may not see it; log in as another, or allow it in the camera's settings",
    404: ": there is nothing of this name; check what stands behind the host in the address",
}  # by HTTP's number


def pyav_errors() -> tuple[type[Exception], ...]:
    """What reading through PyAV raises; not all of its own errors are of the usual kinds."""
    import av.error

    return (*READ_ERRORS, av.error.FFmpegError)


def reason_of(error: Exception) -> str:
    """In a few words, and without the address, which errors of FFmpeg and urllib have in them."""
    if isinstance(error, MambatrackError):
        return str(error)
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}{REFUSED.get(error.code, '')}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, OSError):
        error = error.reason
    # FFmpeg ends a read that takes too long by an interruption
    if isinstance(error, TimeoutError) or type(error).__name__ == "ExitError":
        return "no answer in time"
    return getattr(error, "strerror", None) or type(error).__name__
