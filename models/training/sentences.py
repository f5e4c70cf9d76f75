"""Synthetic orders for a logo, with a tag on every byte. The last words of each list appear only in the held-out data."""

import numpy as np

TAGS = ["other", "colour", "style", "size", "trade"]
NEW_WORDS = 3

WORDS = {
    "colour": "red,blue,green,black,white,orange,purple,gold,silver,dark blue,light grey,teal,navy,pink,brown,cream,yellow,#ff8800,turquoise,crimson,olive",
    "style": "flat,minimal,vintage,hand-drawn,geometric,playful,elegant,bold,3d,retro,abstract,modern,line art,gradient,rustic,classic,futuristic,organic",
    "size": "200px,64 px,512x512,a4,10 cm,large,small,1024 px,48px,wide,square,30 mm,5 inches,1920x1080,huge,tiny,96px",
    "trade": "bakery,bike shop,law firm,café,dentist,brewery,yoga studio,bank,toy store,farm,restaurant,software company,florist,gym,hotel,school,barber,bookshop",
}
PATTERNS = [
    "a {style} logo for a {trade} in {colour}",
    "{colour} and {colour} logo, {style}, {size}",
    "please make it {style} and {size}",
    "we are a {trade} and want something {style}",
    "{trade} logo with {colour} letters on {colour}, about {size}",
    "could you redo our {trade} sign? {style} style, {size}, mostly {colour}",
    "not {colour} please, rather {colour}. {size} is enough",
    "icon {size} {style} {colour}",
    "my {trade} opens in may; the mark should be {style}",
    "thank you, the {colour} one is fine",
    "the customer asks for {style} lines, {colour}, {size} and {size}",
]


def dataset(seed, count, new_words=False):
    """A list of (ids INT64 [n], tags INT64 [n]); an id is the UTF-8 byte + 1, so that 0 is free for padding."""
    rng = np.random.default_rng(seed)
    return [order(rng, new_words) for _ in range(count)]


def order(rng, new_words):
    text, tags = b"", []
    for piece in rng.choice(PATTERNS).replace("{", "|{").replace("}", "}|").split("|"):
        known = piece.startswith("{")
        word = pick(rng, piece[1:-1], new_words) if known else piece
        data = misspelt(rng, word).encode()
        text += data
        tags += [TAGS.index(piece[1:-1]) if known else 0] * len(data)
    return np.frombuffer(text, np.uint8).astype(np.int64) + 1, np.array(tags, np.int64)


def pick(rng, tag, new_words):
    words = WORDS[tag].split(",")
    return str(rng.choice(words[-NEW_WORDS:] if new_words else words[:-NEW_WORDS]))


def misspelt(rng, word):
    """One word in twelve has a letter doubled, lost or in capitals."""
    if len(word) < 4 or rng.random() > 1 / 12:
        return word
    at = rng.integers(1, len(word) - 1)
    kind = rng.integers(3)
    if kind == 0:
        return word[:at] + word[at] + word[at:]
    return word[:at] + word[at + 1 :] if kind == 1 else word.upper()
