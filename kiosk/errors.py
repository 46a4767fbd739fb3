"""Errors that carry a sentence for a person.

`BadInput` is the caller's to fix: exit status 2 on the command line, a 4xx status over HTTP. `Unavailable` means the
box cannot do it now (disk full, package missing, camera asleep): exit status 1, a 5xx status. Anything else is a bug.
"""


class KioskError(Exception):
    """An error with a machine-readable `code` (snake_case) and a one-line message that says what to do."""

    def __init__(self, message: str, code: str = "error") -> None:
        super().__init__(message)
        self.code = code


class BadInput(KioskError):
    """The given photo, argument or file cannot be used. `status` is the HTTP status; `retry_after`, if given, the
    seconds to wait before trying again."""

    def __init__(
        self, message: str, code: str = "bad_input", status: int = 400, retry_after: int | None = None
    ) -> None:
        super().__init__(message, code)
        self.status = status
        self.retry_after = retry_after


class Unavailable(KioskError):
    """The request is valid, but the box cannot fulfill it now."""

    def __init__(self, message: str, code: str = "unavailable", status: int = 503) -> None:
        super().__init__(message, code)
        self.status = status
