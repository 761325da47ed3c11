"""Which unit takes a name that several claim, with claims of all kinds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from systemctl_replacement.manager.aliases import DOWN, ON, RUNNING, Claim, Names, settle

# What files can say: whoever is a name of another one is called as that one is.
NAMES = ("a.service", "b.service", "c.service", "d.service")


@st.composite
def claims(draw: st.DrawFn) -> list[Claim]:
    real = draw(st.sets(st.sampled_from(NAMES), min_size=1))
    ids = draw(st.lists(st.sampled_from(NAMES), unique=True))
    return [
        Claim(
            unit,
            unit if unit in real else draw(st.sampled_from(sorted(real))),
            draw(st.sampled_from((DOWN, ON, RUNNING))),
        )
        for unit in ids
    ]


@given(claims())
def test_nothing_that_runs_is_lost_and_no_name_is_given_twice(all_claims: list[Claim]) -> None:
    names = settle(all_claims)
    left = [claim for claim in all_claims if claim.id not in names.given_up]
    ids = [names.renamed.get(claim.id, claim.id) for claim in left]
    assert len(set(ids)) == len(ids)
    assert {claim.name for claim in all_claims} <= set(ids)
    by_id = {claim.id: claim for claim in all_claims}
    for unit, heir in names.given_up.items():
        assert by_id[unit].weight < RUNNING
        assert by_id[heir].name == by_id[unit].name
        assert by_id[heir].weight >= by_id[unit].weight
        assert heir not in names.given_up
    for unit, name in names.apart.items():
        assert by_id[unit].weight == RUNNING
        assert unit != name == by_id[unit].name
    for claim in left:
        assert claim.id in names.apart or names.renamed.get(claim.id, claim.id) == claim.name


@given(claims())
def test_where_no_file_has_become_a_link_nothing_happens(all_claims: list[Claim]) -> None:
    assert settle(Claim(claim.id, claim.id, claim.weight) for claim in all_claims) == Names({}, {}, {})


def test_who_has_a_name_keeps_it_from_its_equals() -> None:
    both = [Claim("old.service", "new.service", RUNNING), Claim("new.service", "new.service", RUNNING)]
    assert settle(both) == Names({}, {}, {"old.service": "new.service"})
    failed = [Claim("old.service", "new.service", RUNNING), Claim("new.service", "new.service", DOWN)]
    assert settle(failed) == Names({"old.service": "new.service"}, {"new.service": "old.service"}, {})
