"""Abbreviations, addresses and list marks whose dot ends no sentence, as data.

A letter that stands alone before a dot (an initial, a title such as «د.», a part of «أ.ف.ب») needs no entry.
"""

from typing import Final

ABBREVIATIONS: Final = """
    ود لد وم وأ أد اد Mr Mrs Ms Dr Prof St Mt Sr Jr Gen Col Lt Capt Sgt Maj Hon Rev Gov Sen Rep No Nos vs
    etc al Inc Ltd Co Corp Bros Dept Univ Vol Fig Ed eds pp cf approx Jan Feb Mar Apr Jun Jul Aug Sep Sept
    Oct Nov Dec
    """
"""Abbreviations of more than one letter, without their last dot."""

ERA_MARKS: Final = "م ه هـ ص ظ"
"""Letters that after a figure mean an era or a time of day: there a dot is a full stop after all."""

WRITTEN_DOMAINS: Final = "نت كوم اورغ أورغ أورج نيوز com net org tv"
"""Ends of web addresses as newspapers spell them, part of the name before their dot («وطن.نت»)."""

LETTER_NAMES: Final = """
    إيه ايه بي سي دي إي اي إف اف جي إتش اتش آي جيه جاي كيه كي إل ال إم ام إن ان أو او كيو آر ار إس اس تي يو
    في دبليو إكس اكس واي زد زي
    """
"""Names of Latin letters; on both sides of a dot without a space they spell an acronym («سي.إن.إن»)."""

WEB_ADDRESS: Final = r"(?:(?:https?|ftp)://|www\.)[^\s\"<>«»“”،؛]+"
"""A pattern for addresses in full, in which stops and question marks divide nothing."""
