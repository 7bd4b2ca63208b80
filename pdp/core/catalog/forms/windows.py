"""Names that Windows reads as something else than they say.

Source: Microsoft, "Naming Files, Paths, and Namespaces". A server's system is not known where a call is
decided, so these names are refused on every system.
"""

import re
from typing import Final

from pdp.core.catalog.forms.form import FormError

_DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|clock\$|conin\$|conout\$|(?:com|lpt)[0-9¹²³])", re.IGNORECASE)
_SHORT: Final = re.compile(r"(?=[^.]{1,8}(?:\.|$))[^.~]*~[0-9]+(?:\.[^.]{0,3})?")
_VARIABLE: Final = re.compile(r"%[^%]+%")


def check_name(name: str) -> None:
    """`name` is a file's name on Windows too, and itself.

    Raises:
        FormError: it names a drive, stream or device, is cut at its end, may be another name's short
            form (`SECRET~1.TXT`), or has a variable (`%NAME%`).

    """
    if ":" in name:
        raise FormError("the path has a `:`, which may name a scheme, a drive or a stream")
    if name.endswith((".", " ")):
        raise FormError("a name in the path ends in a dot or space, which some readers cut off")
    if _DEVICE.fullmatch(name.partition(".")[0].rstrip(" ")):
        raise FormError("a name in the path is a device's on Windows")
    if _SHORT.fullmatch(name):
        raise FormError("a name in the path may be the short form of another")
    if _VARIABLE.search(name):
        raise FormError("a name in the path has a variable in it")
