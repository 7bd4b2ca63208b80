"""Operators that look at entities and records: attributes, tags and the hierarchy."""

from pdp.core.catalog.schema.shape import Opaque, RecordOf, UnionOf
from pdp.core.engine.cedar import EntityUid
from pdp.core.engine.expression.operators import TYPE_ERROR, some_boolean
from pdp.core.engine.expression.shaped import at_risk, kind_of
from pdp.core.engine.expression.situation import (
    Entity,
    Failed,
    OpenRecord,
    Operand,
    Reason,
    Result,
    Risk,
    Situation,
    Unknown,
)
from pdp.core.engine.expression.value import RecordValue, SetValue

_NO_ATTRIBUTE = Failed(Reason.ATTRIBUTE)
_NO_ENTITY = Failed(Reason.ENTITY)


def attribute(base: Operand, name: str, situation: Situation) -> Result:
    """`base.name`."""
    match base:
        case OpenRecord(fields=fields, optional=optional):
            found = fields.get(name)
            return _NO_ATTRIBUTE if found is None else at_risk(found) if name in optional else found
        case RecordValue(fields=values):
            return values.get(name, _NO_ATTRIBUTE)
        case EntityUid():
            entity = _entity(base, situation)
            if isinstance(entity, Unknown | Failed):
                return entity
            return entity.attributes.get(name, _NO_ATTRIBUTE)
        case Unknown(shape=RecordOf(fields=shapes), risk=risk):
            field = shapes.get(name)
            if field is None:
                return _NO_ATTRIBUTE
            return Unknown(field.shape, risk if field.required else Risk.ERROR)
        case Unknown(shape=UnionOf(branches=branches)):
            branch = next((shape for kind, shape in branches.items() if kind == name), None)
            return _NO_ATTRIBUTE if branch is None else Unknown(branch, Risk.ERROR)
        case Unknown(shape=Opaque()):
            return Unknown(Opaque(), Risk.ERROR)
        case _:
            return TYPE_ERROR


def has_attribute(base: Operand, name: str, situation: Situation) -> Result:
    """`base has name`; false of an entity that is not there."""
    match base:
        case OpenRecord(fields=fields, optional=optional):
            return some_boolean(Risk.NONE) if name in optional else name in fields
        case RecordValue(fields=values):
            return name in values
        case EntityUid():
            entity = _entity(base, situation)
            if isinstance(entity, Unknown):
                return some_boolean(Risk.NONE)
            return isinstance(entity, Entity) and name in entity.attributes
        case Unknown(shape=RecordOf(fields=shapes), risk=risk):
            field = shapes.get(name)
            sure = risk is Risk.NONE and (field is None or field.required)
            return field is not None if sure else some_boolean(risk)
        case Unknown(shape=UnionOf(branches=branches), risk=risk):
            return some_boolean(risk) if name in set(branches) or risk is Risk.ERROR else False
        case Unknown(shape=Opaque()):
            return some_boolean(Risk.ERROR)
        case _:
            return TYPE_ERROR


def tag(base: Operand, name: Operand, situation: Situation) -> Result:
    """`base.getTag(name)`."""
    if not _may_be(base, EntityUid) or not _may_be(name, str):
        return TYPE_ERROR
    if not isinstance(base, EntityUid) or not isinstance(name, str):
        return Unknown(Opaque(), Risk.ERROR)
    entity = _entity(base, situation)
    return entity.tags.get(name, Failed(Reason.TAG)) if isinstance(entity, Entity) else entity


def has_tag(base: Operand, name: Operand, situation: Situation) -> Result:
    """`base.hasTag(name)`; false of an entity that is not there."""
    if not _may_be(base, EntityUid) or not _may_be(name, str):
        return TYPE_ERROR
    if not isinstance(base, EntityUid) or not isinstance(name, str):
        return some_boolean(Risk.ERROR)
    entity = _entity(base, situation)
    if isinstance(entity, Unknown):
        return some_boolean(Risk.NONE)
    return isinstance(entity, Entity) and name in entity.tags


def is_within(base: Operand, groups: Operand, situation: Situation) -> Result:
    """`base in groups`, where `groups` is an entity or a set of entities."""
    if not _may_be(base, EntityUid):
        return TYPE_ERROR
    match groups:
        case EntityUid():
            wanted = [groups]
        case SetValue():
            wanted = [each for each in groups if isinstance(each, EntityUid)]
            if len(wanted) < len(groups.keys):
                return TYPE_ERROR
        case _:
            return some_boolean(Risk.ERROR) if kind_of(groups) in {SetValue, None} else TYPE_ERROR
    if not isinstance(base, EntityUid):
        return some_boolean(Risk.ERROR)
    if situation.entities is None:
        return base in wanted or (some_boolean(Risk.NONE) if wanted else False)
    entity = situation.entities.get(base)
    return base in wanted or (entity is not None and not entity.ancestors.isdisjoint(wanted))


def is_of_type(base: Operand, wanted: str) -> Result:
    """`base is wanted`."""
    if isinstance(base, EntityUid):
        return base.type == wanted
    return some_boolean(Risk.ERROR) if _may_be(base, EntityUid) else TYPE_ERROR


def _entity(uid: EntityUid, situation: Situation) -> Entity | Unknown | Failed:
    if situation.entities is None:
        return Unknown(Opaque(), Risk.ERROR)
    return situation.entities.get(uid, _NO_ENTITY)


def _may_be(operand: Operand, kind: type[object]) -> bool:
    return kind_of(operand) in {kind, None}
