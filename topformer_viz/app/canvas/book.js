// A book's places, filled with what the run on show answers; as words/live.py does.

// `part` of a book with its places filled, for block `b`, from 0; what says nothing in a list is left out.
function filled(part, run, b) {
  if (Array.isArray(part)) return part.map((each) => filled(each, run, b)).filter((each) => each !== null);
  if (part === null || typeof part !== "object") return part;
  if (part.live && part.of) {
    const answer = run.answer(part.live, part.of.replace("{block}", `block${b}`));
    return answer && part.texts ? sayAnswer(answer, part.texts) : answer;
  }
  if (part.places) return Object.entries(part.places).reduce((text, [name, place]) => text.replaceAll(`{${name}}`, () => filled(place, run, b)), part.text);
  if (part.question) return askedIn(part, run, b);
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, filled(value, run, b)]));
}

// A question that the run answers; null where it gives no clear answer.
function askedIn({ kind, prompt, question: { live, of, texts } }, run, b) {
  const answer = run.answer(live, of.replace("{block}", `block${b}`));
  if (!answer) return null;
  const options = answer.options.map(({ text, right, reason }) => ({ text: sayAnswer(text, texts), correct: right, reason: sayAnswer(reason, texts) }));
  return { kind, live: true, prompt, given: [sayAnswer(answer.given, texts)], options };
}

// A saying in words.
function sayAnswer(answer, texts) {
  if (!Object.hasOwn(texts, answer.say)) throw new Error(`no text for ${answer.say}`);
  return texts[answer.say].replace(/\{(\w+)(?::([^{}]*))?\}/g, (_, name, form = "") => {
    if (!Object.hasOwn(answer, name)) throw new Error(`${answer.say} does not say its ${name}`);
    return shownValue(answer[name], form, texts);
  });
}

function shownValue(value, form, texts) {
  if (Array.isArray(value)) return value.map((each) => shownValue(each, form, texts)).join(value[0]?.say ? texts[","] : " · ");
  if (value?.say) return sayAnswer(value, texts);
  if (form !== "name") return written(value, form);
  if (!Object.hasOwn(texts, `name${value}`)) throw new Error(`no text for name${value}`);
  return texts[`name${value}`];
}

// A number as Python's format() writes it, for the forms that texts use: "", ".2f", ".3g", ".1%", and "signed".
function written(value, form) {
  const [, digits, kind] = /^\.(\d+)([fg%])$/.exec(form) ?? [];
  if (typeof value !== "number") throw new Error(`${value} is no number`);
  if (form === "signed") return written(value, ".3g").replace("e-0", "e−").replaceAll("-", "−");
  if (kind === "%") return `${written(value * 100, `.${digits}f`)}%`;
  if (!kind && form) throw new Error(`no form ${form}`);
  if (!kind) return String(value);
  if (Number.isNaN(value)) return "nan";
  const size = Math.abs(value), text = size === Infinity ? "inf" : kind === "f" ? fixed(size, Number(digits)) : general(size, Number(digits));
  return (value < 0 || Object.is(value, -0) ? "-" : "") + text;
}

// A size's digits, and the power of ten of the first.
function digitsOf(size) {
  const [mantissa, power] = size.toExponential(100).split("e");
  return [mantissa.replace(".", ""), Number(power)];
}

// So many of its digits as a whole number. What lies in the middle, Python rounds to the even one; toFixed rounds it up.
function rounded(size, kept) {
  const digits = `0${digitsOf(size)[0]}`, whole = BigInt(digits.slice(0, Math.max(0, kept) + 1)), rest = digits.slice(kept + 1);
  const up = kept >= 0 && rest[0] >= "5" && (!/^50*$/.test(rest) || whole % 2n);
  return String(up ? whole + 1n : whole);
}

function fixed(size, digits) {
  if (size >= 1e21) return BigInt(size) + (digits ? `.${"0".repeat(digits)}` : "");
  const text = rounded(size, digitsOf(size)[1] + 1 + digits).padStart(digits + 1, "0"), point = text.length - digits;
  return text.slice(0, point) + (digits ? `.${text.slice(point)}` : "");
}

function general(size, digits) {
  const whole = rounded(size, digits), exponent = size && digitsOf(size)[1] + whole.length - digits; // 9.996 is 10.0
  const bare = (text) => (text.includes(".") ? text.replace(/\.?0*$/, "") : text);
  if (exponent >= -4 && exponent < digits) return bare(fixed(size, digits - 1 - exponent));
  return `${bare(`${whole[0]}.${whole.slice(1)}`)}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}
