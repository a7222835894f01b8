// What is asked of a run: its answers, each worked out once, from its tensors or from other answers; as run/asking.py does.

// Answers by the key of their place; `functions` give what is not known yet, by the name in the key.
class Asked {
  constructor(trace, model, functions, known) {
    Object.assign(this, { trace, model, sizes: trace.sizes, functions, answers: new Map(Object.entries(known)) });
  }

  tensor(name) {
    if (!Object.hasOwn(this.trace.tensors, name)) throw new Error(`this run has no ${name}`);
    return this.trace.tensors[name];
  }

  answer(name, of) {
    const key = keyOf(name, of);
    if (!this.answers.has(key)) this.answers.set(key, this.functions[name](this, of));
    return this.answers.get(key);
  }

  // All answers to what is `asked`, [name, of] each, by the keys of their places.
  answersTo(asked) {
    return Object.fromEntries(asked.map(([name, of]) => [keyOf(name, of), this.answer(name, of)]));
  }
}

const keyOf = (name, of) => `${name} ${of}`;
