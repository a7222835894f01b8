// Go where the address's # points, once it is there: into a fold, which opens, or to an element.
if (!window.followsAnchors) {
  window.followsAnchors = true; // the page's scripts run again with every rerun
  let moved = false;
  for (const by of ["wheel", "touchmove", "keydown"]) addEventListener(by, () => (moved = true));
  const follow = (tries = 600) => {
    const at = decodeURIComponent(location.hash.slice(1));
    if (!at) return;
    const fold = document.querySelector(`.st-key-fold-${CSS.escape(at)} details`), target = fold ?? document.getElementById(at);
    if (!target) return void (tries && setTimeout(follow, 100, tries - 1));
    for (const was of document.querySelectorAll("[data-pointed]")) delete was.dataset.pointed;
    if (fold && !fold.open) fold.querySelector("summary").click();
    if (!fold) target.dataset.pointed = "";
    const go = () => target.scrollIntoView({ block: fold ? "start" : "center" });
    go();
    for (const later of [400, 1500]) setTimeout(() => moved || go(), later); // what comes in above it moves it
  };
  addEventListener("hashchange", () => ((moved = false), follow()));
  follow();
}
