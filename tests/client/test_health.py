"""The state of the library is that of the worst fault that stands."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.client.health import NEXT, STATE_OF, Fault, Health, Phase, Signal, State

ORDER = list(State)
calls = st.lists(st.tuples(st.sampled_from(list(Signal)), st.sampled_from(list(Fault))), max_size=40)


def tell(health: Health, signal: Signal, kind: Fault) -> None:
    if signal is Signal.WORKED:
        health.cleared(kind)
    elif signal is Signal.FAILED:
        health.fault(kind, f"{kind.value} failed")
    else:
        health.gave_up(kind, f"{kind.value} given up")


@pytest.mark.promise("M58", "M59", "M60", "M61", "M62", "M63", "M64", "M67")
@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (Fault.HANDLER, "Degraded"),
        (Fault.INITIALISATION, "Degraded"),
        (Fault.DATABASE, "Partial"),
        (Fault.FILE, "Critical"),
        (Fault.TELEGRAM, "Warning"),
        (Fault.DISK, "Emergency"),
        (Fault.SERIALISATION, "Warning"),
        (Fault.QUEUE, "Warning"),
    ],
)
def test_each_fault_brings_its_state_until_it_works_again(kind: Fault, state: str) -> None:
    health = Health(lambda: 7)
    assert health.snapshot() == {"state": "READY", "reason": "", "faults": {}}
    health.fault(kind, "why")
    assert (health.state.value, health.reason) == (state, "why")
    health.cleared(kind)
    assert health.state is State.READY
    assert health.snapshot()["faults"][kind.value] == {
        "state": state,
        "phase": "clear",
        "reason": "why",
        "count": 1,
        "since_ns": 7,
        "last_ns": 7,
    }


def test_of_several_faults_the_worst_is_the_state() -> None:
    health = Health()
    seen = []
    for kind in (Fault.QUEUE, Fault.HANDLER, Fault.DATABASE, Fault.FILE, Fault.DISK):
        health.fault(kind, kind.value)
        seen.append(health.state.value)
    for kind in (Fault.DISK, Fault.DATABASE, Fault.FILE, Fault.QUEUE, Fault.HANDLER):
        health.cleared(kind)
        seen.append(health.state.value)
    assert seen == [
        *("Warning", "Degraded", "Partial", "Critical", "Emergency"),
        *("Critical", "Critical", "Degraded", "Degraded", "READY"),
    ]


def test_what_was_given_up_stays_so_until_it_works() -> None:
    health = Health()
    health.fault(Fault.DATABASE, "refused")
    health.gave_up(Fault.DATABASE, "refused four times")
    health.fault(Fault.DATABASE, "refused again")
    assert health.snapshot()["faults"]["database"]["phase"] == "given up"
    health.cleared(Fault.DATABASE)
    assert not health.standing(Fault.DATABASE)


def test_every_phase_has_a_move_for_every_signal() -> None:
    assert set(NEXT) == {(phase, signal) for phase in Phase for signal in Signal}
    assert set(STATE_OF) == set(Fault)


@given(calls)
def test_any_story_ends_in_the_worst_of_what_stands(story: list[tuple[Signal, Fault]]) -> None:
    health = Health()
    standing: set[Fault] = set()
    for signal, kind in story:
        before = health.state
        tell(health, signal, kind)
        (standing.discard if signal is Signal.WORKED else standing.add)(kind)
        expected = max((STATE_OF[each] for each in standing), key=ORDER.index, default=State.READY)
        assert health.state is expected
        # A fault never betters the state, what works never worsens it.
        worse = ORDER.index(health.state) - ORDER.index(before)
        assert worse <= 0 if signal is Signal.WORKED else worse >= 0
    json.dumps(health.snapshot())
