"""A soak of a few seconds runs as the long one does; what grows is noticed."""

from dataclasses import replace

import pytest

from tests.soak.samples import BOUNDS, Sample, growth, verdict
from tests.soak.short import short_soak

STEADY = Sample(
    hours=1.0,
    polls=0,
    failures=0,
    reloads=0,
    scrapes=0,
    rss_mib=80.0,
    heap_mib=20.0,
    blocks=500_000,
    descriptors=50,
    tasks=40,
)


def samples(**slopes: float) -> list[Sample]:
    """Return the samples of a process that holds so much more of each after 1,000 polls."""
    return [
        replace(
            STEADY,
            polls=1_000 * number,
            **{name: getattr(STEADY, name) + slope * number for name, slope in slopes.items()},
        )
        for number in range(40)
    ]


def growing(taken: list[Sample]) -> set[str]:
    grown = growth(taken)
    return {name for name, bound in BOUNDS.items() if grown[name] > bound}


@pytest.mark.parametrize(
    ("name", "slope"),
    [("rss_mib", 2.0), ("heap_mib", 0.1), ("blocks", 300), ("descriptors", 1), ("tasks", 1)],
)
def test_what_grows_with_every_poll_is_noticed(name: str, slope: float):
    assert growing(samples(**{name: slope})) == {name}
    assert f"{name} " in verdict(growth(samples(**{name: slope})))


def test_what_grows_only_at_the_start_is_no_leak():
    warm = [replace(STEADY, polls=number, rss_mib=min(80, 40 + 5 * number)) for number in range(40)]
    assert growing(warm) == set()


def test_a_short_soak_polls_reloads_and_scrapes_as_often_as_it_should():
    short_soak()
