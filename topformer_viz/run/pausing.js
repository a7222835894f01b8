// Long work that may stop for a moment, as a generator which yields between two parts of it: done at once, or with pauses between
// its parts, in which others come first or the work ends (`pause` may throw).

function finished(work) {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

async function paused(work, pause) {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    await pause();
  }
}
