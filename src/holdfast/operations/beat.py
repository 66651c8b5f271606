"""The whole product in one loop: observe, record, decide, act, record.

"After one hour" is a comparison with `now` here, not a timer; so a crash, a restart or
a second node changes nothing. A beat never waits: slow work goes to `world.hands`.

The node beats. The runner, which holds engines and copies, works: it takes from the
ledger what the node decided, and records what came of it (`work`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import get_args

from holdfast.domain.controls.judging import Situation
from holdfast.domain.decide import Action, Decision, actions, decide
from holdfast.domain.events.notice import ChannelName
from holdfast.journal import Fact
from holdfast.operations.act import can, perform
from holdfast.operations.attest import look
from holdfast.operations.deliver import deliver, parcels_of
from holdfast.operations.locks import lock_checked, lock_is_due
from holdfast.operations.log import as_fact
from holdfast.operations.ports.store import MovedOnError
from holdfast.operations.rehearse import order_due
from holdfast.operations.self_proof import rebuild_is_due, rehearsed
from holdfast.operations.signing import tell_of_signing
from holdfast.operations.watch import due_looks
from holdfast.operations.world import Workshop, World

# One conclusion may lead to the next; this many links are followed in one beat.
ROUNDS = 8


def beat(world: World) -> None:
    """Do one beat; what it could not finish, the next one finds in the ledger."""
    world.hands.do("look at the log", partial(look, world))
    world.inbox.hand_over(world.log.record)
    situation = world.situation()
    if situation is not None:
        if world.drill_window is not None:
            order_due(world.log, situation, world.drill_window)
            situation = world.situation() or situation
        carry_out(world, _conclude(world, situation).actions)
        for channel in get_args(ChannelName):
            world.hands.do(f"deliver {channel}", partial(deliver, world, channel))
    # A node signs sooner, by itself; this is for whoever beats without one.
    world.hands.do("sign", partial(_sign, world))
    tell_of_signing(world)
    if world.witnesses is not None:
        asked = partial(world.witnesses.ask, world.notary)
        world.hands.do("ask the witnesses", asked)


def _sign(world: World) -> Sequence[Fact]:
    world.notary.sign()
    return ()


def work(shop: Workshop) -> None:
    """Do one round of a runner: record what came of its work, and take on what is due.

    Nothing is decided here: what is done follows from what stands in the ledger.
    """
    shop.inbox.hand_over(shop.log.record)
    situation = shop.situation()
    if situation is not None:
        carry_out(shop, actions(situation))
    signed = shop.store.checkpoint() if shop.shippers else None
    for shipper in shop.shippers:
        name = shipper.copy.name
        if shipper.is_asked(shop.log.state()):
            shop.hands.do(f"look at the copy {name}", shipper.tell)
        if shipper.is_due(signed):
            shop.hands.do(f"publish to {name}", shipper.ship)
        if shipper.shown is not None:
            _have_proved(shop, name)
    for keeper in shop.keepers:
        if keeper.is_due(shop.store.checkpoint(), shop.log.state()):
            shop.hands.do(f"save people to {keeper.place.name}", keeper.keep)
    if shop.packer is not None and shop.packer.is_due(shop.log.state()):
        shop.hands.do("write the pack", shop.packer.keep)


def _have_proved(shop: Workshop, copy: str) -> None:
    """Have a copy that was given everything proved, if that is due."""
    lock = shop.locks.get(copy)
    if lock is not None and lock_is_due(shop.log, copy, shop.clock.now()):
        shop.hands.do(f"try {copy}", partial(lock_checked, shop.log, lock))
    rebuilder = shop.rebuilders.get(copy)
    if rebuilder is not None and rebuild_is_due(shop.log, rebuilder, shop.clock.now()):
        # One key for all copies: one after the other, for each is long.
        shop.hands.do("rebuild", partial(rehearsed, shop.log, rebuilder))


def carry_out(shop: Workshop, wanted: Sequence[Action]) -> None:
    """Have done whatever this process has the parts for."""
    situation = shop.situation()
    assert situation is not None, "what is wanted follows from an adopted policy"
    for action in wanted:
        if can(shop, situation, action):
            shop.hands.do(repr(action), partial(perform, shop, action))
    for datastore in due_looks(situation, shop):
        shop.hands.do(f"look at {datastore.key}", datastore.look)


def _conclude(world: World, situation: Situation) -> Decision:
    """Record what follows until nothing new does; return the last decision.

    A conclusion is recorded only at the size it was drawn from: if another node wrote
    meanwhile, this one folds and decides again.
    """
    for _ in range(ROUNDS):
        decision = decide(situation)
        if not decision.conclusions:
            break
        facts = [
            as_fact(conclusion, situation.rules, situation.now)
            for conclusion in decision.conclusions
        ]
        with suppress(MovedOnError):
            world.log.record(
                facts,
                parcels=parcels_of(facts, situation.rules),
                expected_size=situation.state.size,
            )
        situation = world.situation() or situation
    return decide(situation)
