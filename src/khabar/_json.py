"""JSON as this library writes it: Arabic as it is, and never a character that UTF-8 or a line cannot hold."""

import json
import re

_NOT_PLAIN = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What a JSON string may hold and a line of UTF-8 should not: lone surrogates, which UTF-8 cannot encode,
line separators, at which some readers cut a line in two, and controls that a terminal would obey."""


def json_text(value: object) -> str:
    r"""Return a value as JSON on one line, without a newline at its end.

    The string always encodes to UTF-8. Arabic stands as it is; only controls, line separators and lone
    surrogates are written as ``\uXXXX``.
    """
    text = json.dumps(value, ensure_ascii=False)
    return _NOT_PLAIN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
