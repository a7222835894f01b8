if (!window.headsKeys) {
  window.headsKeys = true;  // the page's scripts run again with every rerun
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  document.addEventListener("keydown", (event) => {
    const move = moves[event.key], cell = event.target.closest?.(".heads tbody td");
    if (!move || !cell) return;
    event.preventDefault();
    const rows = cell.closest("tbody").rows, row = rows[cell.parentElement.sectionRowIndex + move[0]];
    row?.cells[cell.cellIndex + move[1]]?.focus();
  });
  document.addEventListener("focusin", (event) => {
    const cell = event.target.closest?.(".heads tbody td");
    if (!cell) return;
    for (const other of cell.closest("tbody").querySelectorAll('td[tabindex="0"]')) other.tabIndex = -1;
    cell.tabIndex = 0;
  });
}
