// The explorer as a page of the app: the address holds its state.

class ExplorerPage {
  constructor(root) {
    this.explorer = new Explorer(root, {
      ask: (wish) => this.ask("wish", wish),
      maps: (run) => arrive({ body: this.header.maps }, () => false, (maps) => {
        run.take(maps);
        this.explorer.similarity.draw();
      }),
      lesson: (stage) => this.ask("lesson", { ...this.explorer.state.parameters, stage }),
      remember: (parameters) => {
        const { link, lang, view } = this.header;
        writeAddress({ ...link, ...parameters, lang });
        stored("topformer-explorer", { run: view.run, parameters });
        this.explorer.settleDown(view.run);
      },
    });
  }

  show(header) {
    // Back from another page: where one was in this run, unless the address says something else.
    const { asked } = header.view, { run, parameters } = this.header ? {} : stored("topformer-explorer");
    if (run === header.view.run && !Object.keys(header.view.asked).length) header.view.asked = parameters;
    if (!this.header) header.view.asked = { ...header.view.asked, ...placed(header.view.run), ...asked };
    this.header = header;
    this.explorer.show(header);
  }

  // Whether the server thinks of another block; other pages are to show this one.
  get untold() {
    return this.header && this.explorer.state.block !== this.header.view.block;
  }

  tell() {
    this.ask("block", this.explorer.state.block + 1);
  }

  close() {
    this.explorer.close();
  }
}
