// Keys. Letters go by the place of the key where the layout gives no Latin letter, so that «ت» is j on an Arabic
// keyboard; digits too, since French keyboards have them with Shift.

/** The name of a key as the table of keys calls it, or "" when it is not ours to take. */
export function nameOfKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return "";
  if (event.key === "?" || event.key === "؟") return "?";
  if (/^[a-zA-Z]$/.test(event.key)) return event.shiftKey ? "" : event.key.toLowerCase();
  if (/^Key[A-Z]$/.test(event.code)) return event.shiftKey ? "" : event.code.slice(3).toLowerCase();
  const digit = /^(?:Digit|Numpad)([1-4])$/.exec(event.code);
  if (digit) return digit[1];
  if (/^[1-4]$/.test(event.key)) return event.key;
  if (["Enter", "ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", "Escape", "Home", "End", " "].includes(event.key)) return event.key;
  return "";
}

/** Whether somebody is typing or choosing in a field, which keeps its keys. A box to tick takes but Enter and space. */
export function isField(target) {
  return target instanceof Element && target.closest("input:not([type=file], [type=checkbox]), textarea, select, [contenteditable=true]") !== null;
}

/** Whether Enter belongs to a control that has the focus. */
export function isControl(target) {
  return target instanceof Element && target.closest("button, a[href], summary, label, input") !== null;
}

export const TABLE = [
  ["j", "k", "key_move"],
  ["1", "2", "3", "4", "key_label"],
  ["Enter", "key_enter"],
  ["x", "key_x"],
  ["m", "key_m"],
  ["s", "key_s"],
  ["u", "key_u"],
  ["l", "key_l"],
  ["d", "key_d"],
  ["n", "key_n"],
  ["q", "key_q"],
  ["a", "key_a"],
  ["e", "key_e"],
  ["g", "key_g"],
  ["?", "key_h"],
];
