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
  return form === "name" ? texts[`name${value}`] : written(value, form);
}

// A number as Python's format() writes it, for the forms that texts use: "", ".2f", ".3g", ".1%", and "signed".
function written(value, form) {
  const [, digits, kind] = /^\.(\d+)([fg%])$/.exec(form) ?? [];
  if (form === "signed") return written(value, ".3g").replace("e-0", "e−").replace("-", "−");
  if (kind === "f") return fixed(value, Number(digits));
  if (kind === "%") return `${fixed(value * 100, Number(digits))}%`;
  if (kind === "g") return general(value, Number(digits));
  if (form) throw new Error(`no form ${form}`);
  return String(value);
}

// Python rounds what lies in the middle to the even digit; toFixed away from 0.
function fixed(value, digits) {
  if (!Number.isFinite(value)) return value !== value ? "nan" : value > 0 ? "inf" : "-inf";
  const scale = 10 ** digits, scaled = Math.abs(value) * scale, whole = Math.floor(scaled);
  const middle = scaled - whole === 0.5 && (whole + 0.5) / scale === Math.abs(value);
  const text = (middle && whole % 2 === 0 ? whole / scale : Math.abs(value)).toFixed(digits);
  return (value < 0 || Object.is(value, -0) ? "-" : "") + text;
}

function general(value, digits) {
  if (!Number.isFinite(value)) return fixed(value, 0);
  const [mantissa, power] = value.toExponential(digits - 1).split("e"), exponent = Number(power), bare = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (exponent >= -4 && exponent < digits) return bare(value.toFixed(digits - 1 - exponent));
  return `${bare(mantissa)}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}
