"""How large every part of the study is: as the bundled pair was made, or tiny, to try every part out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Speech:
    """Typical speech that is made."""

    utterances: int
    speakers: int
    seed: int
    mix: tuple[float, ...]  # commands, open sentences, single words, phrases only for training


@dataclass(frozen=True)
class Sizes:
    """How large everything is."""

    first: Speech  # for a first base
    first_hours: float
    base_options: tuple[str, ...]
    typical: Speech  # for the base that goes on from it
    base_hours: float
    taught: Speech  # for the base that goes on once more, by a teacher where one is given
    taught_hours: float
    simulated: int  # recordings, in the ways that training may hear
    chained: int  # by the chain of effects alone
    patients: int  # that each speaker becomes
    people: int  # simulated recordings of real people, where their typical ones are given
    people_chained: int  # by the chain of effects alone
    more: Speech  # typical recordings that the base did not see, for the hypernetwork
    hypernet_budget: tuple[str, ...]  # and its size
    spoken: Speech  # for the hypernetwork when it goes on
    spoken_on: tuple[tuple[str, int, int], ...]  # ways that simulate it, recordings and seed of each
    people_on: tuple[tuple[str, int, int], ...]  # the same of real people
    more_on: Speech  # typical recordings
    on_budget: tuple[str, ...]
    far: tuple[int, int, int]  # recordings through other microphones: of people, of `spoken`, of what is simulated
    far_budget: tuple[str, ...]  # when it goes on once more, with them
    last: tuple[int, int, int]  # recordings of other patients: people's, of `spoken`, and of both through microphones
    last_budget: tuple[str, ...]  # when it goes on a third time, with them
    fresh: Speech  # new speakers, for when it goes on a fourth time
    fresh_on: tuple[int, int, int]  # recordings of new patients: people's, of `fresh`, and of all through microphones
    fresh_budget: tuple[str, ...]
    validation: Speech  # for the confidences
    updates: int  # of each method and arm
    batch_size: int
    seeds: tuple[int, ...]
    test_share: float


_GOING_ON = ("--dropout", "0.2", "--learning-rate", "0.001", "--strength", "0.7")
FULL = Sizes(  # those of the bundled pair (docs/bundled.md), but for the speech that validates: 600 by 60 there
    first=Speech(48_000, 800, 0, (0.5, 0.33, 0.17)), first_hours=0.8, base_options=(),
    typical=Speech(64_000, 1_200, 2, (0.45, 0.25, 0.12, 0.18)), base_hours=1.4,
    taught=Speech(40_000, 1_000, 3, (0.45, 0.25, 0.12, 0.18)), taught_hours=1.5,
    simulated=40_000, chained=14_000, patients=4, people=15_000, people_chained=4_500,
    more=Speech(8_000, 200, 1, (0.5, 0.2, 0.1, 0.2)),
    hypernet_budget=("--rank", "16", "--dropout", "0.2", "--updates", "2200", "--strength", "0.6"),
    spoken=Speech(20_000, 1_000, 2, (0.45, 0.25, 0.12, 0.18)),
    spoken_on=(("train", 14_000, 1), ("vocoder", 8_000, 31), ("chain", 5_000, 21)),
    people_on=(("vocoder", 2_000, 2), ("chain", 1_600, 2)), more_on=Speech(5_000, 200, 1, (0.5, 0.2, 0.1, 0.2)),
    on_budget=(*_GOING_ON, "--updates", "320"),
    far=(4_500, 3_000, 6_500), far_budget=(*_GOING_ON, "--updates", "500"),
    last=(7_000, 5_000, 2_500), last_budget=(*_GOING_ON, "--updates", "750"),
    fresh=Speech(12_000, 1_000, 8, (0.45, 0.25, 0.12, 0.18)), fresh_on=(6_000, 15_500, 4_300),
    fresh_budget=(*_GOING_ON[:-1], "0.85", "--keep", "0.5", "--updates", "800"),
    validation=Speech(1_200, 120, 0, (0.7, 0.1, 0.2)), updates=300, batch_size=64, seeds=(0, 1, 2), test_share=1.0,
)  # fmt: skip
QUICK = Sizes(
    first=Speech(200, 10, 0, (0.5, 0.33, 0.17)), first_hours=0.005, base_options=("--d-model", "64", "--layers", "2"),
    typical=Speech(400, 20, 2, (0.45, 0.25, 0.12, 0.18)), base_hours=0.01,
    taught=Speech(200, 10, 3, (0.45, 0.25, 0.12, 0.18)), taught_hours=0.005,
    simulated=120, chained=40, patients=2, people=30, people_chained=10,
    more=Speech(60, 6, 1, (0.5, 0.2, 0.1, 0.2)),
    hypernet_budget=("--rank", "2", "--updates", "10", "--batch-size", "8"),
    spoken=Speech(60, 6, 2, (0.45, 0.25, 0.12, 0.18)),
    spoken_on=(("vocoder", 30, 31),), people_on=(("vocoder", 10, 2),),
    more_on=Speech(30, 6, 4, (0.5, 0.2, 0.1, 0.2)), on_budget=("--updates", "5", "--batch-size", "8"),
    far=(10, 20, 20), far_budget=("--updates", "5", "--batch-size", "8"),
    last=(10, 20, 10), last_budget=("--updates", "5", "--batch-size", "8"),
    fresh=Speech(60, 6, 8, (0.45, 0.25, 0.12, 0.18)), fresh_on=(10, 20, 10),
    fresh_budget=("--updates", "5", "--batch-size", "8"),
    validation=Speech(60, 12, 0, (0.7, 0.1, 0.2)), updates=3, batch_size=8, seeds=(0,), test_share=0.01,
)  # fmt: skip
