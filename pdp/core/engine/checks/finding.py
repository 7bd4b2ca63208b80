"""What a check found in one policy, before its place in a file is known."""

from dataclasses import dataclass

from pdp.core.engine.checks.code import Code
from pdp.core.engine.checks.subject import Node


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at `node`, which is part of the policy's tree; None is the policy as a whole."""

    code: Code
    message: str
    node: Node = None
