// Go where the address's # points, once it is there: into a fold, which opens, or to an element.
if (!window.followsAnchors) {
  window.followsAnchors = true; // the page's scripts run again with every rerun
  const follow = (tries = 100) => {
    const at = decodeURIComponent(location.hash.slice(1));
    if (!at) return;
    const fold = document.querySelector(`.st-key-fold-${CSS.escape(at)} details`) ?? document.querySelector(`details.st-key-fold-${CSS.escape(at)}`), target = fold ?? document.getElementById(at);
    if (!target) return void (tries && setTimeout(follow, 100, tries - 1));
    for (const was of document.querySelectorAll("[data-pointed]")) delete was.dataset.pointed;
    if (fold && !fold.open) fold.querySelector("summary").click();
    if (!fold) target.dataset.pointed = "";
    target.scrollIntoView({ block: fold ? "start" : "center" });
  };
  addEventListener("hashchange", () => follow());
  follow();
}
