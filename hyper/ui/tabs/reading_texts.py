"""What guided reading offers to read aloud: this project's own sentences, and everyday requests."""

from __future__ import annotations

from dataclasses import dataclass

from hyper.ui.phrases import PHRASES

# Short, of common words, and together with every phone of English several times; the first ten have each at least once.
ALL_SOUNDS: tuple[str, ...] = (
    "the boy found a treasure under the old bridge",
    "put the good cookbook on the kitchen shelf",
    "father washed his yellow jacket with a cloth",
    "they think the moon shines through thin clouds",
    "a huge bee buzzed around my nose",
    "she caught a cold and coughed all day",
    "the young king sang a long song",
    "we visit the village every five days",
    "few people heard the early bird",
    "most of us choose red apples for the pie",
    "how now shall we cross the wide river",
    "my brother enjoys the noise of the toys",
    "a brown cow walked down to the south gate",
    "the nurse turned the first page of the journal",
    "that thick leather feels smooth and warm",
    "usually the garage is open in the evening",
    "he took a full look at the wooden hook",
    "six sheep sleep under the green trees",
    "please bring both gloves and the blue vest",
    "the cat sat on a black mat by the fan",
    "watch the child reach for the cherry cheese",
    "jane just changed the large orange cage",
    "you used to view the beautiful new museum",
    "boil the oil and point to the coin",
    "three brothers breathe the northern air",
    "he hopes the whole home is heated",
    "the measure of pleasure is a casual treasure",
    "our house is a thousand hours away",
    "bread and eggs make the best breakfast",
    "the girl learned thirty words on thursday",
    "five of the leaves have fallen over",
    "paul saw a small ball fall on the lawn",
    "calm palm trees stand in the park",
    "run up the hill but come back soon",
    "ice cream is nice in the bright sunlight",
    "sunday is a happy day for the family",
    "goats go slowly over the frozen road",
    "is this the ring that she was looking for",
    "would you push the sugar to me please",
    "yesterday a young lawyer drank cold milk",
)
N_SHORT = 10  # sentences that have every phone already

# Requests of the grammar that the bundled pair was trained on, so that it has a chance to hear them.
EVERYDAY: tuple[str, ...] = (
    *PHRASES,
    "i have pain in my shoulder",
    "please call anna this evening",
    "open the front door",
    "i feel dizzy today",
    "take me to the doctor please",
    "i would like soup",
    "where is my walking stick",
    "close the curtains please",
    "play the news in the living room",
    "i did not sleep well at night",
    "tell peter that i am tired",
    "help me stand up please",
)


@dataclass(frozen=True)
class ReadingSet:
    """Sentences to read aloud, in their order."""

    key: str
    label: str
    phrases: tuple[str, ...]


READING_SETS: dict[str, ReadingSet] = {
    each.key: each
    for each in (
        ReadingSet("everyday-short", f"Everyday requests, short ({len(PHRASES)})", PHRASES),
        ReadingSet("everyday-long", f"Everyday requests, long ({len(EVERYDAY)})", EVERYDAY),
        ReadingSet("sounds-short", f"Every sound of English, short ({N_SHORT})", ALL_SOUNDS[:N_SHORT]),
        ReadingSet("sounds-long", f"Every sound of English, long ({len(ALL_SOUNDS)})", ALL_SOUNDS),
    )
}
