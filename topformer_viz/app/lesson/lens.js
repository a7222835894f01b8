// What travels of the lens for the lesson: the classes that the network would name after each block, and what each block changed; as
// app/lesson/lens.py does.
async function lensMessage(run, model, pause) {
  const maps = await lensOf(run, model, pause), size = sizeOf(run, COMPARED), classes = run.tensors.class_scores.shape[0];
  const labels = stacked(maps.map((map) => tensorOf(map, [1, ...size])));
  return { labels, changes: maps.slice(1).map((map, n) => changesOf(maps[n], map, classes)) };
}
