// What was open stays open when another block is chosen.
export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".relatives");
  if (root.shown === data.html) return;
  const open = [...root.querySelectorAll("details")].map((row) => row.open);
  root.innerHTML = root.shown = data.html;
  root.querySelectorAll("details").forEach((row, i) => (row.open = open[i] ?? false));
}
