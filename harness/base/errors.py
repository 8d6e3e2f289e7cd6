"""The errors that end a command with a sentence instead of a traceback."""


class RefusedError(Exception):
    """What a command cannot go on with; its message is all that the user is told."""


class ConfigError(RefusedError):
    """A configuration that is refused; the message names file, key, reason and fix."""
