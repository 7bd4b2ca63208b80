"""A policy as the checks see it: its tree, and what it names and reads, each with its node in the tree."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from pdp.core.engine.cedar import EntityUid, pst
from pdp.core.engine.dependencies import Path, Read, path_of, read_of
from pdp.core.engine.expression.tree import children

Node: TypeAlias = object


class Part(StrEnum):
    """Where in a policy something stands."""

    PRINCIPAL = "principal"
    ACTION = "action"
    RESOURCE = "resource"
    CONDITION = "condition"


@dataclass(frozen=True, slots=True)
class Mention:
    """An entity that a policy names."""

    uid: EntityUid
    part: Part
    node: Node


@dataclass(frozen=True, slots=True)
class TypeMention:
    """An entity type that `is` asks for."""

    name: str
    node: Node


@dataclass(frozen=True, slots=True)
class ReadAt:
    """One read of the context, and the expression that does it."""

    read: Read
    node: Node


@dataclass(frozen=True, slots=True)
class LikeAt:
    """A `like`; `base` is the place that it is on, None where that is no place in the context.

    `paths` are all places read to get the text that it is on.
    """

    base: Path | None
    paths: tuple[Path, ...]
    node: pst.Like


@dataclass(frozen=True, slots=True)
class Subject:
    """One policy or template with its statement's text."""

    text: str
    tree: pst.Template
    mentions: tuple[Mention, ...]
    types: tuple[TypeMention, ...]
    reads: tuple[ReadAt, ...]
    likes: tuple[LikeAt, ...]


def subject_of(tree: pst.Template, *, text: str) -> Subject:
    """What the checks need to know of the policy `tree`, whose statement is `text`."""
    found = _Found([], [], [], [])
    found.head(tree)
    for clause in tree.clauses:
        for expr in walk(clause.expr):
            found.expression(expr)
        found.reads.extend(_reads(clause.expr))
    return Subject(text, tree, tuple(found.mentions), tuple(found.types), tuple(found.reads), tuple(found.likes))


@dataclass(frozen=True, slots=True)
class _Found:
    mentions: list[Mention]
    types: list[TypeMention]
    reads: list[ReadAt]
    likes: list[LikeAt]

    def head(self, tree: pst.Template) -> None:
        self.constraint(tree.principal, Part.PRINCIPAL)
        match tree.action:
            case pst.ActionEq(entity=entity):
                self.mention(entity, Part.ACTION, entity)
            case pst.ActionIn(entities=entities):
                for entity in entities:
                    self.mention(entity, Part.ACTION, entity)
            case pst.ScopeAny():
                pass
        self.constraint(tree.resource, Part.RESOURCE)

    def constraint(self, constraint: pst.PrincipalOrResourceConstraint, part: Part) -> None:
        match constraint:
            case pst.ScopeEq(entity=entity) | pst.ScopeIn(entity=entity) | pst.ScopeIsIn(entity=entity):
                if isinstance(entity, pst.EntityUid):
                    self.mention(entity, part, entity)
            case _:
                pass
        match constraint:
            case pst.ScopeIs(entity_type=kind) | pst.ScopeIsIn(entity_type=kind):
                self.types.append(TypeMention(str(kind), constraint))
            case _:
                pass

    def mention(self, entity: pst.EntityUid, part: Part, node: Node) -> None:
        self.mentions.append(Mention(EntityUid(str(entity.type), entity.id), part, node))

    def expression(self, expr: pst.Expr) -> None:
        match expr:
            case pst.EntityLit(value=value):
                self.mention(value, Part.CONDITION, expr)
            case pst.Is(entity_type=kind):
                self.types.append(TypeMention(str(kind), expr))
            case pst.Like(base=base):
                paths = tuple(each.read.path for each in _reads(base))
                self.likes.append(LikeAt(path_of(base), paths, expr))
            case _:
                pass


def walk(root: pst.Expr) -> Iterator[pst.Expr]:
    """`root` and all expressions in it, in the order of the text."""
    waiting = [root]
    while waiting:
        expr = waiting.pop()
        yield expr
        waiting.extend(reversed(children(expr)))


def _reads(root: pst.Expr) -> Iterator[ReadAt]:
    """Each read of the longest path that it names, in the order of the text."""
    waiting = [root]
    while waiting:
        expr = waiting.pop()
        read = read_of(expr)
        if read is None:
            waiting.extend(reversed(children(expr)))
        else:
            yield ReadAt(read, expr)
