"""Errors for people: one sentence with a way out, and the exit code that a program may read."""

OK = 0
FAILED = 1
MISUSED = 2
TOOL_MISSING = 3
UNREACHABLE = 4


class LatidoError(Exception):
    """Something a person can put right; the text is one sentence and holds no personal data."""

    exit_code = FAILED


class SettingsError(LatidoError):
    """A setting is wrong or unknown; the sentence names it."""

    exit_code = MISUSED


class ToolMissingError(LatidoError):
    """A program that Latido needs (Java, Maven) is not there; the sentence says what to install."""

    exit_code = TOOL_MISSING


class BrokerUnreachableError(LatidoError):
    """No broker answers at the configured addresses."""

    exit_code = UNREACHABLE
