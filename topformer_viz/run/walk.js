// A run in the order in which it is taught; as run/walk.py has it. WALKED comes from there: the stages at which the walk stops.

// The stages of the walkthrough that this run has: stage name -> traced name, in the order they are declared.
function walk(run, block) {
  const steps = {};
  for (const stage of WALKED) {
    const shown = stage.replace("{n}", "3"), name = [`block${block}.${shown}`, shown].find((name) => Object.hasOwn(run.tensors, name));
    // Block 0's tokens are the pooled pyramid: show the line that pools.
    if (name) steps[stage.replace("{n}", "")] = name === "block0.tokens" ? "tokens" : name;
  }
  return steps;
}
