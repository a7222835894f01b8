// Strangers' words made harmless, beside plain.py. What cannot be printed becomes a space.

// A stranger's text on one line.
function oneLine(text) {
  return text.split(/[\p{C}\p{Z}]+/u).filter(Boolean).join(" ");
}

// `oneLine` of at most `most` characters, with an ellipsis where it was longer.
function plainText(text, most) {
  const line = Array.from(oneLine(Array.from(text).slice(0, 4 * most).join("")));
  return line.length <= most ? line.join("") : `${line.slice(0, most - 1).join("").trimEnd()}…`;
}
