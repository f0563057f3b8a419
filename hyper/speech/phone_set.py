"""One phone set for every synthesiser: ARPAbet in lower case, and `_` for silence."""

from __future__ import annotations

SILENCE = "_"
PHONES: tuple[str, ...] = (
    SILENCE,
    *("aa ae ah ao aw ay b ch d dh eh er ey f g hh ih iy jh k l m n ng ow oy p r s sh t th uh uw v w y z zh").split(),
)

# espeak-ng's English mnemonics (its phsource/ph_english*), by the phone they are.
_ESPEAK = {
    mnemonic: phone
    for phone, mnemonics in {
        "ay": "aI aI@",
        "aw": "aU aU@",
        "ey": "eI",
        "ow": "oU o",
        "oy": "OI",
        "ao": "O: o: o@ O@ O",
        "aa": "A@ A: A~ 0 0# 02 O2 A",
        "er": "3: 3 IR VR @r",
        "ah": "@ @2 @5 a# V",
        "l": "@L l/ l^ L L/ l-",
        "iy": "i@ i@3 i: i",
        "eh": "e@ E E2 e E#",
        "uh": "U@ U",
        "uw": "u: u Y y",
        "ih": "I I2 I#",
        "ae": "a aa & &:",
        "ch": "tS",
        "jh": "dZ",
        "ng": "N",
        "th": "T",
        "dh": "D",
        "sh": "S",
        "zh": "Z",
        "y": "j",
        "hh": "h C",
        "r": "r- r r/ R R2",
        "t": "t2 ?",
        "d": "t# * d#",
        "k": "x",
        "n": "n-",
        "m": "m-",
        "z": "z/",
        "w": "w# W",
        "s": "ts",
    }.items()
    for mnemonic in mnemonics.split()
}

# flite and festival (the radio set) differ from ARPAbet in three names.
_RADIO = {
    "pau": SILENCE,
    "ax": "ah",
    "el": "l",
    "em": "m",
    "en": "n",
    "h#": SILENCE,
    "brth": SILENCE,
    "axr": "er",
    "dx": "d",
    "nx": "n",
}


def from_espeak(mnemonic: str) -> str:
    """The common name of an espeak-ng phoneme; lengths and stresses are dropped."""
    if mnemonic.startswith("_") or mnemonic in ("", ":", "|", ";"):
        return SILENCE
    for name in (mnemonic, mnemonic.rstrip(":;#/~-"), mnemonic[:2], mnemonic[:1]):
        if name in _ESPEAK:
            return _ESPEAK[name]
        if name in PHONES:
            return name
    raise ValueError(
        f"espeak-ng gave the phoneme {mnemonic!r}, which is not in the phone table; add it to phone_set.py."
    )


def from_radio(name: str) -> str:
    """The common name of a flite or festival phone."""
    name = _RADIO.get(name, name)
    if name not in PHONES:
        raise ValueError(
            f"The synthesiser gave the phone {name!r}, which is not in the phone table; add it to phone_set.py."
        )
    return name
