import base64
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from pdp.audit.evidence.checkpoint import signed
from pdp.audit.evidence.held import Held
from pdp.audit.evidence.proof import Proof, Proven, read_proof, verify_proof
from pdp.audit.evidence.prove import find_record, prove, record_at
from pdp.audit.evidence.statement import EvidenceError
from pdp.audit.log_database import Hold
from pdp.core.contract.errors import UnusableError
from tests.unit.audit.evidence.scene import KEY, OTHER_KEY, Scene, Writer, altered

TRUSTED = {KEY.public.id: KEY.public}


@pytest.fixture
def filled(scene: Scene) -> Scene:
    writer = Writer()
    for count in (4, 0, 7, 1, 10):
        scene.put(writer.write(count)) if count else None
        scene.checkpointer.make()
    scene.put(writer.write(1))
    return scene


def proof_of(scene: Scene, position: int, *, upto: int | None = None) -> bytes:
    with scene.reader.transaction(Hold.NOTHING) as connection:
        return prove(connection, record_at(connection, position), upto=upto).to_json()


def proven(raw: bytes, held: list[Held] | None = None) -> Proven:
    return verify_proof(read_proof(raw), trusted=TRUSTED, held=held or [])


def test_every_covered_record_has_a_proof_up_to_every_checkpoint_that_follows(filled: Scene) -> None:
    for position in range(1, 23):
        checkpoints = [one.statement for one in filled.checkpoints()]
        covering = next(
            one.number for one in checkpoints if one.batch.low <= position <= one.batch.high and one.batch.count
        )
        for upto in [None, *range(covering, 6)]:
            found = proven(proof_of(filled, position, upto=upto))
            assert found.content == filled.content(position).content
            assert (found.index, found.checkpoint.statement.number) == (position - 1, covering)
            assert found.newest.statement.number == (upto or 5)


def test_a_record_that_no_checkpoint_covers_has_none(filled: Scene) -> None:
    with pytest.raises(UnusableError, match="no checkpoint covers"):
        proof_of(filled, 23)
    with pytest.raises(UnusableError, match="no checkpoint covers"):
        proof_of(filled, 22, upto=4)
    with pytest.raises(UnusableError, match="not all checkpoints"):
        proof_of(filled, 1, upto=9)


def test_a_record_is_found_by_its_id_alone(filled: Scene) -> None:
    with filled.reader.transaction(Hold.NOTHING) as connection:
        assert find_record(connection, "gateway-b1-7")[0] == 7
        with pytest.raises(UnusableError, match="no record has"):
            find_record(connection, "gateway-b1-70")
        with pytest.raises(UnusableError, match="no record has"):
            find_record(connection, "tools/call")


def test_a_record_of_an_altered_batch_cannot_be_proven(filled: Scene) -> None:
    filled.replace(6, altered(filled.content(6), detail="forged"))
    for position in (6, 7):
        with pytest.raises(UnusableError, match="not those that were signed"):
            proof_of(filled, position)


def test_a_proof_agrees_with_what_is_held_or_proves_nothing(filled: Scene) -> None:
    held = [Held(one) for one in filled.checkpoints()]
    raw = proof_of(filled, 6)
    assert proven(raw, [held[2]]).index == 5
    assert proven(raw, held).index == 5
    with pytest.raises(EvidenceError, match="prove it up to one that is"):
        proven(raw, [held[0]])
    other = signed(msgspec.structs.replace(held[4].checkpoint.statement, time="2026-01-01T00:00:00.000Z"), key=KEY)
    with pytest.raises(EvidenceError, match="another one than the proof's"):
        proven(raw, [Held(other)])


def test_a_proof_that_another_key_signed_proves_nothing(filled: Scene) -> None:
    raw = proof_of(filled, 6)
    with pytest.raises(EvidenceError, match="no trusted key"):
        verify_proof(read_proof(raw), trusted={OTHER_KEY.public.id: OTHER_KEY.public})
    with pytest.raises(EvidenceError, match="no trusted key"):
        verify_proof(read_proof(raw), trusted={})


def test_no_bit_of_a_proof_can_be_another_one(filled: Scene) -> None:
    proof = msgspec.json.decode(proof_of(filled, 6))
    assert proof["path"]
    assert proof["history"]
    assert proof["consistency"]
    bent = 0
    for name in ("path", "history", "consistency"):
        for index, text in enumerate(proof[name]):
            other = text[:-1] + ("0" if text[-1] != "0" else "1")
            changed = {**proof, name: [*proof[name][:index], other, *proof[name][index + 1 :]]}
            bent += refused(changed)
        bent += refused({**proof, name: proof[name][:-1]})
        bent += refused({**proof, name: [*proof[name], "sha256:" + "0" * 64]})
        bent += refused({**proof, name: proof[name] * 200})
        bent += refused({**proof, name: ["x"]})
    for index in (-1, 0, 2, 2**40):
        if index != proof["index"]:
            bent += refused({**proof, "index": index})
    for changes in (
        {"record": proof["record"].replace("alice", "mallo")},
        {"record": proof["record"] + " "},
        {"checkpoint": proof["newest"]},
        {"newest": None},
        {"newest": proof["checkpoint"]},
        {"newest": flipped(proof["newest"])},
        {"checkpoint": flipped(proof["checkpoint"])},
    ):
        bent += refused({**proof, **changes})
    assert bent > 20


def flipped(envelope: dict[str, Any]) -> dict[str, Any]:
    payload = bytearray(base64.b64decode(envelope["payload"]))
    payload[payload.index(b'"number"') + 9] ^= 1
    return {**envelope, "payload": base64.b64encode(payload).decode()}


def refused(value: Any) -> int:
    with pytest.raises(EvidenceError):
        proven(msgspec.json.encode(value))
    return 1


@pytest.mark.parametrize(
    "bend",
    [
        lambda raw: b"",
        lambda raw: b"{}",
        lambda raw: b"[]",
        lambda raw: raw[:-9],
        lambda raw: raw.replace(b'"index":', b'"index":0,"index":'),
        lambda raw: raw.replace(b'"index":', b'"index":NaN,"x":'),
        lambda raw: raw.replace(b'"index":', b'"index":1e400,"x":'),
        lambda raw: raw.replace(b'"index":', b'"more":'),
        lambda raw: b'{"a":' * 100_000,
        lambda raw: raw.replace(b'"record":"', b'"record":"' + b"x" * 10_000_000),
        lambda raw: raw.replace(b'"version":1', b'"version":2'),
        lambda raw: raw.replace(b'"record":"', b'"record":"\\ud800'),
    ],
)
def test_what_is_no_proof_is_refused_within_bounds(filled: Scene, bend: Callable[[bytes], bytes]) -> None:
    raw = bend(proof_of(filled, 6))
    with pytest.raises(EvidenceError):
        proven(raw)


def test_a_statement_with_more_heads_than_it_may_list_is_refused(filled: Scene) -> None:
    checkpoint = filled.checkpoints()[0]
    head = checkpoint.statement.heads.listed[0]
    heads = msgspec.structs.replace(checkpoint.statement.heads, count=300, listed=(head,) * 300)
    forged = signed(msgspec.structs.replace(checkpoint.statement, heads=heads), key=KEY)
    proof = read_proof(proof_of(filled, 1))
    with pytest.raises(EvidenceError, match="heads"):
        verify_proof(
            Proof(proof.record, proof.index, proof.path, msgspec.to_builtins(forged.envelope)), trusted=TRUSTED
        )
