"""Where in a folder or repository a checkpoint is: one file each, some thousands a folder."""

import re
from typing import Final

_IN_A_FOLDER: Final = 10_000
_NAME: Final = re.compile(r"(\d{8})/(\d{12})\.json")


def path_of(number: int) -> str:
    """The path of the checkpoint `number`."""
    return f"{number // _IN_A_FOLDER:08}/{number:012}.json"


def is_checkpoint(path: str) -> bool:
    """Whether `path` is one that a checkpoint has."""
    match = _NAME.fullmatch(path)
    return match is not None and path_of(int(match[2])) == path
