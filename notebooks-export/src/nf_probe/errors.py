"""What can go wrong, in words that say what, where, and what to do."""


class NFProbeError(Exception):
    """Every error of this package."""


class UsageError(NFProbeError):
    """The package was called in a way that cannot give right numbers."""


class RunFileError(NFProbeError):
    """A run file cannot be made, written or read."""


class FileLockedError(RunFileError):
    """Another process writes the run file."""


class ProgramError(NFProbeError):
    """The `nf-probe` program is not there, or a command of it failed."""


class RecorderWarning(UserWarning):
    """The recorder has stopped, or has recorded less than was asked for; training goes on."""
