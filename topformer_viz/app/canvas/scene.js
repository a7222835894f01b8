// A scene: tensors as small maps, the nodes, and ribbons between them, in one SVG. A node is chosen by a click, Enter
// or Space; it and the ribbons that meet in it are lit. Where the window is too narrow for all of it, a button at the edge
// leads on. What stands where is each page's own. Comes after canvas.js.

class Scene {
  // `mark` says in a node's attributes whether it is the chosen one; `size` is that of the labels.
  constructor(root, choose, size, mark) {
    Object.assign(this, { root, choose, mark, size, svg: root.querySelector(".scene"), box: root.querySelector(".scene-scroll") });
    const edge = (className, textContent, way) => element("button", { type: "button", className: `edge ${className}`, textContent, onclick: () => this.move(way) });
    const frame = element("div", { className: "scene-frame" });
    this.edges = [edge("back", "‹", -1), edge("on", "›", 1)];
    this.box.replaceWith(frame);
    frame.append(this.edges[0], this.box, this.edges[1]);
    this.box.addEventListener("scroll", () => this.markEdges());
    new ResizeObserver(() => this.markEdges()).observe(this.box);
  }

  move(way) {
    this.box.scrollBy({ left: way * 0.75 * this.box.clientWidth, behavior: motion() });
  }

  // A button stands where the drawing goes on.
  markEdges() {
    const { scrollLeft, scrollWidth, clientWidth } = this.box, [back, on] = this.edges;
    back.hidden = scrollLeft < 4;
    on.hidden = scrollLeft > scrollWidth - clientWidth - 4;
  }

  // `parts`: elements as text, what lies in front last.
  fill(width, height, { scene, scene_note: note, scene_back, scene_on }, parts) {
    [scene_back, scene_on].forEach((words, n) => this.edges[n].setAttribute("aria-label", words));
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("aria-label", scene);
    this.root.querySelector(".scene-note").textContent = note;
    this.svg.innerHTML = parts.join("");
    for (const node of this.svg.querySelectorAll(".node")) {
      node.onclick = () => this.choose(node.dataset.name);
      node.onkeydown = (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        this.choose(node.dataset.name);
      };
    }
  }

  // The chosen node and the ribbons that meet in it are lit, the rest recedes; the node comes into view.
  light(name) {
    const hadFocus = this.root.activeElement?.closest(".node");
    for (const node of this.svg.querySelectorAll(".node")) {
      const current = node.dataset.name === name;
      node.classList.toggle("current", current);
      this.mark(node, current);
    }
    for (const path of this.svg.querySelectorAll("[data-ends]")) path.classList.toggle("lit", path.dataset.ends.split(" ").includes(name));
    const node = this.svg.querySelector(".node.current");
    if (hadFocus) node.focus({ preventScroll: true });
    if (this.lit === node) return; // it is in view: to look where it stands would cost a layout
    this.lit = node;
    const middle = node.getBoundingClientRect(), frame = this.box.getBoundingClientRect();
    this.box.scrollLeft += middle.left + middle.width / 2 - frame.left - frame.width / 2;
    this.markEdges();
  }

  // Where the scene is drawn small its labels grow against that, as far as there is room between the nodes.
  growLabels() {
    const drawn = this.svg.clientWidth / this.svg.viewBox.baseVal.width;
    this.svg.style.setProperty("--grow", drawn ? Math.max(0.95, Math.min(1.3, this.size / drawn)) : 1);
  }
}

// Parts of a scene as text. A box {x, y, w, h} lies around its middle.

const boxed = ({ x, y, w, h }) => `x="${x - w / 2}" y="${y - h / 2}" width="${w}" height="${h}"`;
const imageIn = (box, url, more = "") => `<image href="${url}" ${boxed(box)} preserveAspectRatio="none"${more}/>`;
const outlineOf = (box) => `<rect class="outline" ${boxed(box)} rx="2"/>`;
const tokenGrid = ({ x, y, w, h }, grid) => `<path class="token-grid" d="${gridPath(grid, x - w / 2, y - h / 2, w, h)}"/>`;
const textAt = (x, y, kind, words, anchor = "middle") => `<text class="${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`;
const signAt = (x, y, r, sign, said = "") => `<g class="sign">${said && `<title>${said}</title>`}<circle cx="${x}" cy="${y}" r="${r}"/><text x="${x}" y="${y + r - 4}" text-anchor="middle">${sign}</text></g>`;

// A map and its words; `hit`, {x, y, w, h} from its corner, takes the pointer.
function sceneNode(name, kind, said, hit, parts) {
  return `<g class="node ${kind}" data-name="${name}" role="button" tabindex="0" aria-label="${said}"><title>${said}</title>
    <rect class="hit" x="${hit.x}" y="${hit.y}" width="${hit.w}" height="${hit.h}"/>${parts.join("")}</g>`;
}

// `ends`: the names that light it.
const ribbon = (ends, path, kind = "", more = "") => `<path class="ribbon ${kind}" data-ends="${ends}" d="${path}"${more}/>`;
const curveAcross = (x1, y1, x2, y2, bend = (x1 + x2) / 2) => `C${bend} ${y1} ${bend} ${y2} ${x2} ${y2}`;
const curveDown = (x1, y1, x2, y2, bend = (y1 + y2) / 2) => `C${x1} ${bend} ${x2} ${bend} ${x2} ${y2}`;
