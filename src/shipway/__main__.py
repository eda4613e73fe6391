"""The entry point, which is all there is while the rest is imported: a Ctrl-C may come that early.

Also `python -m shipway`, for where the script is not on the PATH.
"""

import signal
import sys


def main() -> None:
    """Run the command, and answer Ctrl-C in our words from the first moment on."""
    try:
        from shipway import cli

        cli.main()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        from shipway import console, errors

        console.interrupted()
        sys.exit(errors.INTERRUPTED)


if __name__ == "__main__":
    main()
