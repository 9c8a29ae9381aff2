"""Letters, marks and digits of Arabic print, as data."""

TATWEEL = "\u0640"

TASHKEEL = "".join(
    chr(code)
    for first, last in (
        (0x0610, 0x061A),  # honorifics and small high letters
        (0x064B, 0x065F),  # tanwin, short vowels, shadda, sukun, and their kin
        (0x0670, 0x0670),  # dagger alef
        (0x06D6, 0x06DC),  # Quranic annotation
        (0x06DF, 0x06E4),
        (0x06E7, 0x06E8),
        (0x06EA, 0x06ED),
        (0x08D3, 0x08E1),
        (0x08E3, 0x08FF),
    )
    for code in range(first, last + 1)
    # Hamza and maddah as combining marks are in this range too: NFKC has composed them with their letter
    # (alef and U+0654 are أ), and what is left over stands on a letter that takes none in Arabic.
)
"""Marks that vocalise a letter. Dropping them leaves the word as it is printed in a newspaper."""

INVISIBLE = "".join(
    chr(code)
    for first, last in (
        (0x00AD, 0x00AD),  # soft hyphen
        (0x061C, 0x061C),  # Arabic letter mark
        (0x200B, 0x200F),  # zero-width space, joiners, direction marks
        (0x202A, 0x202E),  # embeddings and overrides
        (0x2060, 0x2064),  # word joiner and invisible operators
        (0x2066, 0x206F),  # isolates and deprecated controls
        (0xFE00, 0xFE0F),  # variation selectors
        (0xFEFF, 0xFEFF),  # byte order mark
    )
    for code in range(first, last + 1)
)
"""Characters without width or meaning of their own."""

LETTER_VARIANTS = {
    "ی": "ي",  # Farsi yeh
    "ې": "ي",
    "ۍ": "ي",
    "ے": "ي",  # yeh barree
    "ک": "ك",  # keheh
    "ڪ": "ك",
    "ګ": "ك",
    "گ": "ك",  # gaf, as newspapers print غ/ج/ك in foreign names
    "ڭ": "ك",
    "ڤ": "ف",
    "ڥ": "ف",
    "پ": "ب",
    "چ": "ج",
    "ژ": "ز",
    "ہ": "ه",
    "ھ": "ه",
    "ە": "ه",
    "ۀ": "ه",
    "ۃ": "ة",
    "ۂ": "ه",
    "ٱ": "ا",  # alef wasla
    "ٲ": "أ",
    "ٳ": "إ",
    "ۋ": "و",
    "ۆ": "و",
    "ٹ": "ت",
    "ڈ": "د",
    "ڑ": "ر",
    "ں": "ن",
    "٪": "%",
    "۔": ".",  # Urdu full stop
}
"""Letters of Persian, Urdu and their neighbours, and the letter that an Arabic newspaper uses instead."""

DIGITS = (
    {chr(0x0660 + digit): str(digit) for digit in range(10)}
    | {chr(0x06F0 + digit): str(digit) for digit in range(10)}
    | {"٫": ".", "٬": ","}
)
"""Arabic-Indic (٠-٩) and extended Arabic-Indic (۰-۹) digits with their separators, and what they become."""
