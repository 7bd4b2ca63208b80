"""Exit 0 when the process in this container answers its health check, 1 when it does not.

`TOOLGATE_HEALTH_URL` names it; the default is a decision point's on its default port.
"""

import os
import sys
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

DEFAULT_URL: Final = "http://127.0.0.1:8181/healthz"
TIMEOUT_SECONDS: Final = 3.0


def main() -> int:
    """Ask once."""
    url = os.environ.get("TOOLGATE_HEALTH_URL", DEFAULT_URL)  # noqa: TID251 - the edge of this script
    try:
        with urlopen(url, timeout=TIMEOUT_SECONDS):  # noqa: S310 - the operator's own URL
            return 0
    except (URLError, OSError, ValueError) as error:
        print(f"no health at `{url}`: {error}", file=sys.stderr)  # noqa: T201 - a script's output
        return 1


if __name__ == "__main__":
    sys.exit(main())
