// The app's pages as they are shown here: what each is told, as page.py of its folder tells it in the app, and what it asks for.

// The lesson and the explorer, its guest: the untouched pass and a run without a head are made when they are wished for.
async function wish(site, { run, block, removal }) {
  const { shown } = site;
  if (!shown || run !== shown.name) return;
  if (removal && !shown.removals[`block${block} ${removal}`]) {
    Object.assign(shown.removals, await site.further("removal", { block, removal }));
    site.draw();
  }
  // The explorer wishes the same but once: what else it lacks is made here, too.
  if (shown !== site.shown || shown.differences) return;
  shown.differences = (await site.further("differences", {}, true)) ?? null;
  site.draw();
}

const setBlock = (site, block) => (site.block = block - 1);
const counted = (text, most = Infinity) => (/^[1-9]\d{0,6}$/.test(text ?? "") && Number(text) <= most ? Number(text) : null);

// The explorer's words, but for how its numbers are checked, which is done otherwise here.
const checkedHere = (site, book) => ({ ...book, explorer: { ...book.explorer, ui: { ...book.explorer.ui, badge_tip: site.ui.badge_tip } } });

// What the visitor looks at in the explorer; see explorer/page.py.
function settings({ shown, block, untrained }, asked) {
  const { name, run, differences } = shown;
  return { run: name, block: Math.min(block, run.blocks - 1), asked, alone: false, saves: false, untrained, differences, removals: null };
}

// The colour model's run on the test card.
async function cardOf(site) {
  const picture = await decodeImage(new Blob([await part("sample-card")])), card = await site.working("card", { picture }, [picture.image]);
  return { run: new Run([card]), photo: card.photo };
}

const BLOCK = 3, HEAD = 2, DOWN = 0.75; // where the door opens, from 1; see door/page.py

const PAGES = {
  door: {
    view: Door,
    told({ shown: { run }, link, caution }, book, asked) {
      const [rows, columns] = run.grid, from0 = (places) => Object.fromEntries(Object.entries(places).filter(([, n]) => n).map(([name, n]) => [name, n - 1]));
      const start = { head: Math.min(HEAD, run.heads), token: Math.floor(DOWN * rows) * columns + Math.floor(columns / 2) + 1 };
      const block = (counted(asked.block, run.blocks) ?? Math.min(BLOCK, run.blocks)) - 1;
      const own = { head: counted(asked.head, run.heads), token: counted(asked.token, rows * columns) };
      return { ...book, run, link, block, badge: caution, start: from0(start), asked: from0(own) };
    },
    heard: {
      wish(site, { go, stage, block, head, token }) {
        if (go === "picture") return site.top.openPictures();
        site.go(go, { stage, block, head, query: token });
      },
    },
  },
  lesson: {
    view: Lesson,
    told(site, book, asked) {
      const { lang, link, shown: { run, removals, lens } } = site, said = { stage: asked.stage, head: counted(asked.head), quiz: asked.quiz === "1", present: asked.present === "1" };
      return { lang, link, asked: said, start: "image", about: site.lines, run, book: checkedHere(site, book), view: settings(site, asked), removals, lens };
    },
    heard: {
      wish,
      block: setBlock,
      async lens(site) {
        const { shown } = site;
        shown.lens = await site.further("lens", {}, true);
        if (shown === site.shown) site.draw();
      },
      follow(site, { stage, n, head, block }) {
        const { page, said } = site.view.lesson.byStage[stage].links[n];
        setBlock(site, block);
        if (!Object.hasOwn(PAGES, page)) return site.refer(page);
        const own = Object.entries(said).map(([name, value]) => [name, fill(value, { head: head || 1 })]);
        site.go(page, { ...(head && { head }), ...Object.fromEntries(own) });
      },
    },
  },
  explorer: {
    view: ExplorerPage,
    told(site, book, asked) {
      const { lang, link, shown: { run, removals } } = site;
      return { lang, link, run, book: checkedHere(site, book), view: settings(site, asked), removals };
    },
    heard: {
      wish,
      block: setBlock,
      lesson: (site, said) => site.go("lesson", said),
    },
  },
  network: {
    view: Network,
    async told(site, book, asked) {
      const { lang, link, shown } = site;
      shown.whole ??= site.further("whole").then((message) => new Run([message]));
      return { lang, link, asked: asked.part, run: await shown.whole, book };
    },
    heard: {
      walk(site, block) {
        setBlock(site, block);
        site.go("lesson", { stage: "tokens" });
      },
    },
  },
  basics: {
    view: Basics,
    async told(site, book, asked) {
      site.card ??= cardOf(site);
      return { lang: site.lang, book, card: await site.card, asked };
    },
    heard: {},
  },
};
