"""The laws of witnessing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.witness.rig import NOW, SIGNER, RamMemory, SomeLog, witness

from holdfast.ledger.checkpoint import Checkpoint
from holdfast.ledger.continuing import continuation
from holdfast.ledger.merkle import Frontier, Tree, leaf_hash
from holdfast.ledger.witness import Request

SIZES = 40
HISTORIES = [
    SomeLog(SIZES),
    SomeLog(SIZES, salt="a", common=7),
    SomeLog(SIZES, salt="b", common=16),
]
LEAVES = [leaf_hash(b"%d" % at) for at in range(300)]
TREE = Tree(LEAVES)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(range(3)),
            st.sampled_from(range(3)),
            st.integers(0, SIZES),
            st.integers(0, SIZES),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_never_two_inconsistent_checkpoints(asked) -> None:
    """Whatever is asked in whatever order, what was cosigned is of one history."""
    memory = RamMemory()
    judge = witness(memory)
    cosigned: list[Checkpoint] = []
    for of, proved_by, old, size, honest in asked:
        latest = memory.latest(SIGNER.name)
        start = latest.size if honest and latest else old
        proof = (
            HISTORIES[proved_by].tree.consistency(start, size) if start <= size else ()
        )
        body = Request(start, tuple(proof), HISTORIES[of].note(size)).to_bytes()
        if judge.add_checkpoint(body, NOW).status == 200:
            root = HISTORIES[of].tree.root(size)
            cosigned.append(Checkpoint(SIGNER.name, size, root))
    assert [one.size for one in cosigned] == sorted(one.size for one in cosigned)
    assert any(
        all(log.tree.root(one.size) == one.root for one in cosigned)
        for log in HISTORIES
    )


@given(st.integers(0, 300), st.integers(0, 300))
def test_front_and_new_leaves_prove_what_a_whole_tree_proves(old, more) -> None:
    """The proof made from the front alone is that of the whole tree."""
    size = min(300, old + more)
    front = Frontier().extend(LEAVES[:old])
    assert continuation(front, LEAVES[old:size]) == TREE.consistency(old, size)
