"""The process's open-file limit."""

import resource


def raise_file_limit() -> None:
    """Raise the soft limit to the hard one: 5,000 viewers need as many sockets."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
