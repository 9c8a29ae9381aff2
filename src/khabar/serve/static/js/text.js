// Text of strangers: offsets in code points, as the server counts them, and characters that must not act.

const TURNS = {
  "\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF", "\u202d": "LRO", "\u202e": "RLO",
  "\u2066": "LRI", "\u2067": "RLI", "\u2068": "FSI", "\u2069": "PDI",
};
// eslint-disable-next-line no-control-regex
const SPECIAL = /[\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/;

/** A string whose offsets are code points. */
export class Points {
  constructor(text) {
    this.list = Array.from(text);
    this.length = this.list.length;
  }

  slice(start, end) {
    return this.list.slice(start, end).join("");
  }

  isSpace(at) {
    return /\s/u.test(this.list[at]);
  }
}

/** Number of code points before a UTF-16 offset. */
export function pointsBefore(text, offset) {
  return Array.from(text.slice(0, offset)).length;
}

/** Put a text into an element as text and nothing else; what would act becomes visible instead. */
export function putText(element, text) {
  let plain = "";
  for (const char of text) {
    if (!SPECIAL.test(char)) {
      plain += char;
      continue;
    }
    const code = char.codePointAt(0);
    if (char in TURNS) {
      element.append(plain);
      plain = "";
      const mark = document.createElement("span");
      mark.className = "khabar-turn";
      mark.title = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
      mark.textContent = TURNS[char];
      mark.dataset.char = char;
      element.append(mark);
    } else {
      plain += code < 0x20 ? String.fromCodePoint(0x2400 + code) : code === 0x7f ? "\u2421" : "\ufffd";
    }
  }
  element.append(plain);
  return element;
}

/** The words of a text: spans of code points without white space. */
export function words(text) {
  const spans = [];
  const points = Array.from(text);
  let start = -1;
  points.forEach((char, at) => {
    if (/\s/u.test(char)) {
      if (start >= 0) spans.push([start, at]);
      start = -1;
    } else if (start < 0) {
      start = at;
    }
  });
  if (start >= 0) spans.push([start, points.length]);
  return spans.map(([from, to]) => ({ start: from, end: to, text: points.slice(from, to).join("") }));
}
