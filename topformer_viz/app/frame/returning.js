// Who has been here before lands where they were: once in each tab's life the front door, with nothing in its address,
// leads to where this browser was last. Of that the page's name and parameters are kept, of pages in KNOWN alone, which
// page.py writes in front; so nothing that stands in the storage leads elsewhere. Where there is no storage, nothing happens.
const LAST = "topformer-last", BEEN = "topformer-been";
const here = () => location.pathname.split("/").pop() + location.search;
const remember = () => {
  try {
    if (KNOWN.test(here())) localStorage.setItem(LAST, here());
  } catch {}
};
if (!window.topformerReturns) {
  window.topformerReturns = true; // this script comes again with every page
  addEventListener("click", remember, true); // before a link is followed
  addEventListener("pagehide", remember);
  try {
    const last = localStorage.getItem(LAST) ?? "", began = !sessionStorage.getItem(BEEN), bare = !location.search && !location.hash;
    sessionStorage.setItem(BEEN, "1");
    if (began && bare && !KNOWN.test(here()) && KNOWN.test(last)) location.replace(location.pathname.replace(/\/?$/, "/") + last);
  } catch {}
}
remember();
