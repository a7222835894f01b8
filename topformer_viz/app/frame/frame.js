// What the bar at the top needs beside CSS. Streamlit's menu lies over the page: once the page is scrolled it would cover what
// is read, so it goes and comes with the top. Where the pages' links scroll sideways, that to the page on show comes into view.
{
  const main = document.querySelector(".stMain"), pages = document.querySelector(".st-key-pages");
  main.addEventListener("scroll", () => document.documentElement.classList.toggle("scrolled", main.scrollTop > 24), { passive: true });
  const reveal = () => {
    const here = [...pages.querySelectorAll("a")].findLast((link) => link.pathname === location.pathname); // the first page's has no path
    if (here) pages.scrollLeft += here.getBoundingClientRect().right - pages.getBoundingClientRect().right + 40;
  };
  const links = new ResizeObserver(reveal); // Streamlit draws them after this runs
  for (const link of pages.children) links.observe(link);
}
