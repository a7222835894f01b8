// The explorer as a page of the app: its state lives in the address.

class ExplorerPage {
  constructor(root) {
    this.explorer = new Explorer(root, {
      ask: (wish) => this.ask("wish", wish),
      remember: (parameters) => {
        const at = new URL(location.href), { link, lang } = this.header;
        for (const [name, value] of Object.entries({ ...link, ...parameters, lang })) {
          if (value === null) at.searchParams.delete(name);
          else at.searchParams.set(name, value);
        }
        if (at.href !== location.href) history.replaceState(history.state, "", at);
        stored("topformer-explorer", { run: this.header.view.run, parameters });
      },
    });
  }

  show(header) {
    // Back from another page: where one was in this run, unless the address says something else.
    const { run, parameters } = this.header ? {} : stored("topformer-explorer");
    if (run === header.view.run && !Object.keys(header.view.asked).length) header.view.asked = parameters;
    this.header = header;
    this.explorer.show(header);
  }

  close() {
    this.explorer.close();
  }
}

// What this tab keeps under a name, after `news` if there are any; {} where storage is switched off.
function stored(name, news) {
  try {
    if (news) sessionStorage.setItem(name, JSON.stringify(news));
    return JSON.parse(sessionStorage.getItem(name)) ?? {};
  } catch {
    return {};
  }
}
