"""The grammar of what synthetic speakers say: everyday commands, phrases that only train, single words."""

from __future__ import annotations

NUMBERS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty fifty sixty"
).split()
DIGITS = "zero one two three four five six seven eight nine".split()

# Each slot is the project's own list; a pattern names slots in braces.
SLOTS: dict[str, tuple[str, ...]] = {
    name: tuple(phrases.split("|"))
    for name, phrases in {
        "room": "kitchen|bedroom|bathroom|living room|dining room|hall|garage|garden|office|basement",
        "device": (
            "lights|lamp|heater|fan|television|radio|music|computer|alarm|oven|kettle|washing machine|air conditioning"
        ),
        "thing": "door|front door|back door|window|windows|curtains|blinds|gate|cupboard|fridge|drawer|garage door",
        "person": (
            "my mother|my father|my sister|my brother|my daughter|my son|my wife|my husband|my doctor|the nurse|"
            "my friend|my neighbour|my grandmother|my grandfather|the pharmacy|the hospital|the police|the office"
        ),
        "name": (
            "anna|peter|john|mary|david|susan|james|emma|robert|helen|thomas|laura|george|sarah|paul|julia|mark|"
            "alice|michael|karen|daniel|rachel|simon|nina|oliver|grace|henry|sophie|martin|claire"
        ),
        "part": (
            "head|back|neck|left arm|right arm|left leg|right leg|left knee|right knee|shoulder|stomach|chest|"
            "throat|hand|foot|ear|tooth|hip|elbow|ankle"
        ),
        "food": (
            "bread|soup|an apple|some rice|a sandwich|an egg|some cheese|chicken|fish|an orange|a banana|yoghurt|"
            "pasta|some salad|cake|toast"
        ),
        "drink": "water|tea|coffee|milk|orange juice|hot chocolate|apple juice|lemonade",
        "item": (
            "glasses|phone|keys|book|newspaper|walking stick|coat|shoes|blanket|pillow|pills|hearing aid|wallet|"
            "bag|hat|umbrella|towel|slippers|jumper|remote control"
        ),
        "day": "monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|today|next week",
        "time": (
            "in the morning|in the afternoon|in the evening|at night|at noon|after lunch|before dinner|"
            "this morning|this evening|right now|later"
        ),
        "number": "|".join(NUMBERS),
        "digit": "|".join(DIGITS),
        "unit": "minutes|hours|seconds|days|weeks",
        "feeling": (
            "tired|cold|hot|hungry|thirsty|dizzy|sick|better|worse|weak|happy|sad|worried|lonely|sleepy|nervous"
        ),
        "place": (
            "the hospital|the station|the supermarket|the park|the library|the church|the bank|the doctor|home|"
            "school|work|the post office|the beach|the restaurant|the airport|the chemist"
        ),
        "medicine": "my tablets|my medicine|my insulin|my eye drops|the painkillers|my inhaler|my vitamins|the cream",
        "colour": "red|blue|green|yellow|white|black|brown|orange|purple|pink",
        "show": "the news|the weather|some music|the football|a film|a story|the radio|classical music",
        "degree": "up|down|a little|a lot",
        "month": "january|february|march|april|may|june|july|august|september|october|november|december",
    }.items()
}

PATTERNS: tuple[str, ...] = (
    "turn on the {device}",
    "turn off the {device}",
    "turn on the {device} in the {room}",
    "turn off the {device} in the {room}",
    "switch the {device} on please",
    "switch off the {device} in the {room}",
    "open the {thing}",
    "close the {thing} please",
    "please open the {thing} in the {room}",
    "lock the {thing}",
    "call {person}",
    "call {name}",
    "call {person} please",
    "please call {name} {time}",
    "send a message to {name}",
    "send a message to {person} {time}",
    "ask {name} to come {day}",
    "tell {name} that i am {feeling}",
    "tell {person} i am at {place}",
    "remind me to call {name} {day}",
    "remind me to take {medicine}",
    "remind me to take {medicine} {time}",
    "set a timer for {number} {unit}",
    "set an alarm for {number} {time}",
    "wake me up at {number} {day}",
    "what time is it",
    "what is the weather {day}",
    "what is on television {time}",
    "play {show}",
    "play {show} in the {room}",
    "stop the music",
    "turn the volume {degree}",
    "make it a little louder",
    "make it a lot quieter please",
    "i need {medicine}",
    "i need my {item}",
    "i need help in the {room}",
    "i need a glass of {drink}",
    "could you bring me my {item}",
    "please bring me some {drink}",
    "where is my {item}",
    "where are my {item} please",
    "i would like {food}",
    "i would like {food} and {drink}",
    "i want to eat {food} {time}",
    "can i have some {drink} please",
    "my {part} hurts",
    "my {part} hurts {time}",
    "i have pain in my {part}",
    "the pain in my {part} is getting worse",
    "the pain in my {part} is better {day}",
    "i feel {feeling} {day}",
    "i am {feeling} and {feeling}",
    "i feel very {feeling} {time}",
    "i cannot move my {part}",
    "i took {medicine} {number} {unit} ago",
    "i have to go to {place} {day}",
    "take me to {place} please",
    "how far is it to {place}",
    "i want to go to {place} {time}",
    "when is {name} coming",
    "is {name} at {place}",
    "my name is {name}",
    "my appointment is on {day} {time}",
    "i see the doctor on {day}",
    "my birthday is in {month}",
    "buy {food} and some {drink}",
    "add {food} to the shopping list",
    "put the {colour} {item} on the table",
    "i am looking for the {colour} {item}",
    "show me the {colour} {item}",
    "my number is {digit} {digit} {digit} {digit}",
    "dial {digit} {digit} {digit} {digit} {digit}",
    "room number {digit} {digit}",
    "read the newspaper to me",
    "i did not sleep well {time}",
    "good morning {name}",
    "thank you {name}",
    "help me stand up please",
    "help me to sit down",
    "i am going to bed",
    "please speak more slowly",
    "i did not understand you",
    "could you repeat that please",
)

# Other sentences of the same words, for training only: a decoder that knows a few thousand sentences by heart guesses
# them; one that meets the same words in ever new places has to listen.
TRAINING_PATTERNS: tuple[str, ...] = (
    "the {item} is on the {thing}",
    "there is {food} in the {room}",
    "is there any {drink} in the {room}",
    "please put the {item} in the {room}",
    "put {food} and {food} on the table",
    "bring the {colour} {item} to {name}",
    "give {name} the {colour} {item} {day}",
    "{name} is in the {room}",
    "{name} and {name} are coming {day}",
    "{name} needs {medicine} {time}",
    "{name} wants {food} and {drink}",
    "did {name} call {person} {day}",
    "did you turn off the {device}",
    "who turned on the {device} in the {room}",
    "is the {thing} open or closed",
    "leave the {thing} open {time}",
    "close the {thing} and turn on the {device}",
    "turn off the {device} and the {device}",
    "turn the {device} {degree} please",
    "the {device} in the {room} is too loud",
    "i cannot find my {item} in the {room}",
    "my {colour} {item} is in the {room}",
    "have you seen the {item} of {name}",
    "where did {name} put the {item}",
    "my {part} and my {part} hurt",
    "my {part} feels {feeling} {time}",
    "the doctor looked at my {part} {day}",
    "i hurt my {part} at {place}",
    "can you look at my {part} please",
    "i was {feeling} {day} and now i am {feeling}",
    "{name} was {feeling} at {place}",
    "are you {feeling} {time}",
    "we are going to {place} with {name}",
    "we will be at {place} {time}",
    "meet me at {place} {day}",
    "take {name} to {place} {time}",
    "wait for {name} at {place}",
    "when do we leave for {place}",
    "remind {name} to take {medicine} {day}",
    "how many {unit} until {day}",
    "in {number} {unit} we go to {place}",
    "i slept for {number} hours",
    "stop the timer after {number} {unit}",
    "the alarm is at {number} {day}",
    "write {food} and {food} on the list",
    "is there {drink} or {drink}",
    "no {drink} for me {time}",
    "a glass of {drink} and {food} please",
    "{food} with {drink} for {name}",
    "play {show} for {name} {time}",
    "is {show} on {time}",
    "turn off {show} and call {name}",
    "tell me when {show} is on",
    "{day} is the birthday of {name}",
    "the appointment in {month} is at {number}",
    "from {month} to {month} i was at {place}",
    "ring {person} and then {person}",
    "ask {person} about {medicine}",
    "{person} and {name} are here",
    "say good night to {name}",
    "yes please open the {thing}",
    "no thank you i am not {feeling}",
    "the number of {name} is {digit} {digit} {digit}",
    "platform {digit} at {number}",
    "the {colour} one not the {colour} one",
    "a {colour} {item} and a {colour} {item}",
    "give me the {item} and the {item}",
    "this is my {item} and that is your {item}",
    "help {name} in the {room} right now",
    "go to the {room} and bring the {item}",
)

WORDS: tuple[str, ...] = tuple(
    dict.fromkeys(
        (
            "yes no stop go help up down left right on off please thanks hello goodbye water again wait start "
            "open close morning evening night now later more less louder quieter good bad maybe okay never "
            "always home cancel back next previous play pause warm cold doctor nurse medicine pain hungry "
            "thirsty tired bed house tree dog cat bird happy marvin sheila wow follow learn visual forward "
            "backward"
        ).split()
        + DIGITS
        + NUMBERS
        + [word for slot in SLOTS.values() for phrase in slot for word in phrase.split()]
    )
)
