// Paints what will change: the stage over the picture, its keys, and its toolbar. The pixels are in mask_pixels.js.
// Used by the MaskEditor widget (mask_widget.js) and by the panel.

const HIGHEST = 560; // CSS pixels that the picture may be high at first
const AMOUNT = 8; // pixels that grow, shrink and feather start with

const TOOLS = [
  ["brush", "Brush", "b"], ["eraser", "Eraser", "e"], ["rectangle", "Rectangle", "r"], ["lasso", "Lasso", "l"],
];
const KEYS =
  "On the picture: B brush, E eraser, R rectangle, L lasso, [ ] size, X invert, Ctrl+Z undo, Ctrl+Shift+Z redo, " +
  "+ − 0 zoom, as do Ctrl+wheel, pinch, and the wheel while the picture has the focus; Space with the pointer drags the " +
  "view. Arrows move the cursor (Shift: 10 px), Space paints; with rectangle and lasso, Space sets points and Enter " +
  "closes. Esc leaves.";

/**
 * An editor for a mask of (width, height) pixels. `changed()` is called after each change of the mask.
 * Gives { el, mask, share(), empty(), show(address), load(pixels), report(text), destroy() }.
 */
function maskEditor({ width, height, label, changed: onChange }) {
  const el = make("div", { class: "ig-mask" });
  const mask = new Mask(width, height);
  let tool = "brush", radius = Math.max(4, Math.round(Math.min(width, height) / 24)), zoom = 1, fitted = true;
  let cursor = [width / 2, height / 2], points = [], last = null, panning = null, space = "up";

  // the stage: picture, mask and cursor over each other
  const picture = make("img", { alt: "", class: "ig-picture", draggable: "false" });
  const paint = make("canvas", { width, height, class: "ig-paint" });
  const mark = make("div", { class: "ig-cursor", "aria-hidden": "true" });
  const outline = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  outline.setAttribute("viewBox", `0 0 ${width} ${height}`);
  outline.setAttribute("class", "ig-outline");
  const canvas = make("div", { class: "ig-canvas", tabindex: "0", role: "application", "aria-label": `Mask for ${label}, ${width} by ${height} pixels`, "aria-describedby": "" }, picture, paint, outline, mark);
  const view = make("div", { class: "ig-view" }, canvas);
  const context = paint.getContext("2d");
  const undoKey = (event) => (event.ctrlKey || event.metaKey) && ["z", "y"].includes(event.key.toLowerCase());
  const releases = [ownKeys(canvas, (event) => plainKey(event) || undoKey(event))];

  const say = make("div", { class: "ig-say", role: "status" });
  const keys = make("p", { class: "ig-keys", id: `ig-keys-${Math.random().toString(36).slice(2)}` }, KEYS);
  const help = make("details", { class: "ig-help" }, make("summary", {}, "Keys"), keys);
  canvas.setAttribute("aria-describedby", keys.id);

  /** Draws the mask hatched, so that it does not depend on colour alone. */
  const draw = ([left, top, right, bottom]) => {
    if (left >= right || top >= bottom) return;
    const data = context.createImageData(right - left, bottom - top);
    const period = Math.max(4, Math.round(10 / zoom));
    let at = 0;
    for (let y = top; y < bottom; y++)
      for (let x = left; x < right; x++, at += 4)
        if (mask.pixels[y * width + x]) {
          const stripe = (x + y) % period < period / 2;
          data.data[at] = stripe ? 225 : 255;
          data.data[at + 1] = stripe ? 0 : 255;
          data.data[at + 2] = stripe ? 90 : 255;
          data.data[at + 3] = ((stripe ? 255 : 130) * mask.pixels[y * width + x]) >> 8;
        }
    context.putImageData(data, left, top);
  };

  const report = (text = "") => {
    const share = (100 * mask.share()).toFixed(1);
    say.textContent = `${text ? text + ". " : ""}${share} % will change · ${tool}, ${2 * radius} px · cursor ${Math.round(cursor[0])}, ${Math.round(cursor[1])}`;
    undo.disabled = !mask.past.length;
    redo.disabled = !mask.future.length;
  };

  const changed = (box, text) => {
    if (box) draw(box);
    report(text);
    onChange();
  };

  const act = (shape, text) => {
    mask.begin();
    shape();
    changed(mask.end(), text);
  };

  const value = () => (tool === "eraser" ? 0 : 255);
  const place = () => {
    mark.style.left = `${cursor[0] * zoom}px`;
    mark.style.top = `${cursor[1] * zoom}px`;
    mark.style.width = mark.style.height = `${Math.max(6, 2 * radius * zoom)}px`;
    mark.classList.toggle("ig-cross", tool === "rectangle" || tool === "lasso");
  };
  const sketch = () => {
    outline.replaceChildren();
    if (!points.length) return;
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    const [a, b] = [points[0], cursor];
    const corners = tool === "rectangle" ? [a, [b[0], a[1]], b, [a[0], b[1]], a] : [...points, cursor];
    line.setAttribute("points", corners.map((p) => p.join(",")).join(" "));
    outline.append(line);
  };
  const moveTo = (x, y) => {
    cursor = [Math.max(0, Math.min(width, x)), Math.max(0, Math.min(height, y))];
    place();
    sketch();
  };

  const close = () => {
    if (tool === "lasso" && points.length > 2) act(() => mask.polygon(points, 255), "lasso closed");
    points = [];
    sketch();
  };
  const point = () => {
    if (tool === "brush" || tool === "eraser") return act(() => mask.line(...cursor, ...cursor, radius, value()), `${tool} at cursor`);
    if (tool === "lasso") points.push([...cursor]);
    else if (!points.length) points = [[...cursor]];
    else {
      const [[x, y]] = points;
      act(() => mask.rectangle(x, y, ...cursor, 255), "rectangle");
      points = [];
    }
    sketch();
    report();
  };

  // the pointer
  const at = (event) => {
    const box = paint.getBoundingClientRect();
    return [((event.clientX - box.left) * width) / box.width, ((event.clientY - box.top) * height) / box.height];
  };
  const touches = new Map();
  canvas.addEventListener("pointerdown", (event) => {
    touches.set(event.pointerId, event);
    if (touches.size === 2 && last) (mask.end(), mask.undo(), draw([0, 0, width, height]), (last = null)); // a pinch, no stroke
    if (touches.size > 1) return;
    const middle = event.button === 1;
    if (event.button && !middle) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    if (middle || space !== "up") {
      space = space === "up" ? "up" : "dragged";
      panning = [event.clientX + view.scrollLeft, event.clientY + view.scrollTop];
      return;
    }
    moveTo(...at(event));
    last = [...cursor];
    if (tool === "brush" || tool === "eraser") {
      mask.begin();
      draw(mask.line(...last, ...last, radius, value()));
    } else points = [[...cursor]];
  });
  const apart = ([a, b]) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  canvas.addEventListener("pointermove", (event) => {
    if (touches.size === 2 && touches.has(event.pointerId)) {
      const before = apart([...touches.values()]);
      touches.set(event.pointerId, event);
      return scaleAt(zoom * (apart([...touches.values()]) / Math.max(1, before)), event);
    }
    if (panning) {
      view.scrollLeft = panning[0] - event.clientX;
      view.scrollTop = panning[1] - event.clientY;
      return;
    }
    moveTo(...at(event));
    if (!last) return;
    if (tool === "lasso") points.push([...cursor]);
    else if (tool !== "rectangle") draw(mask.line(...last, ...cursor, radius, value()));
    last = [...cursor];
  });
  const lift = (event) => {
    touches.delete(event.pointerId);
    panning = null;
    if (!last) return;
    moveTo(...at(event));
    last = null;
    if (tool === "rectangle") {
      const [[x, y]] = points;
      act(() => mask.rectangle(x, y, ...cursor, 255), "rectangle");
      points = [];
      sketch();
    } else if (tool === "lasso") close();
    else changed(mask.end(), tool);
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);

  // keys, while the picture is focused
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    if (event.key === "Enter" && (event.shiftKey || command)) return; // the notebook's own
    const key = event.key.toLowerCase();
    const named = TOOLS.find(([, , letter]) => letter === key);
    if (command && key === "z") event.shiftKey ? back(mask.redo(), "redone") : back(mask.undo(), "undone");
    else if (command && key === "y") back(mask.redo(), "redone");
    else if (command || event.altKey) return;
    else if (steps[event.key]) {
      const far = event.shiftKey ? 10 : 1;
      moveTo(cursor[0] + steps[event.key][0] * far, cursor[1] + steps[event.key][1] * far);
      report();
    } else if (event.key === " ") space = space === "up" ? "down" : space;
    else if (event.key === "Enter") close();
    else if (event.key === "Escape") points.length ? ((points = []), sketch()) : toolbar.querySelector("button").focus();
    else if (named) choose(named[0]);
    else if (key === "[" || key === "]") resize(key === "[" ? radius / 1.25 : radius * 1.25);
    else if (key === "x") act(() => mask.all((v) => 255 - v), "inverted");
    else if (key === "+" || key === "=") scale(zoom * 1.25);
    else if (key === "-") scale(zoom / 1.25);
    else if (key === "0") fit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  canvas.addEventListener("keyup", (event) => {
    if (event.key !== " ") return;
    if (space === "down") point();
    space = "up";
  });
  canvas.addEventListener("blur", () => (space = "up"));
  view.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && !canvas.matches(":focus")) return; // the page scrolls
    event.preventDefault();
    scaleAt(zoom * Math.exp(-event.deltaY / 400), event);
  }, { passive: false });

  // the toolbar
  const button = (text, onclick, extra = {}) => make("button", { type: "button", onclick, ...extra }, text);
  const back = (box, text) => box && changed(box, text);
  const tools = TOOLS.map(([name, text]) => button(text, () => choose(name), { "aria-pressed": "false", "data-tool": name }));
  const undo = button("Undo", () => back(mask.undo(), "undone"));
  const redo = button("Redo", () => back(mask.redo(), "redone"));
  const size = make("input", { type: "range", min: "1", max: String(Math.ceil(Math.min(width, height) / 2)), value: String(2 * radius), oninput: (event) => resize(event.target.value / 2) });
  const opacity = make("input", { type: "range", min: "10", max: "100", value: "65", oninput: (event) => (paint.style.opacity = event.target.value / 100) });
  paint.style.opacity = 0.65;
  for (const range of [size, opacity]) releases.push(ownKeys(range)); // else arrows fold the notebook's headings
  const amount = make("input", { type: "number", min: "1", max: "128", value: String(AMOUNT), "aria-label": "pixels to grow, shrink or feather by" });
  const by = () => Math.max(1, Math.min(128, Math.round(Number(amount.value)) || AMOUNT));
  const group = (label, ...children) => make("div", { class: "ig-group", role: "group", "aria-label": label }, ...children);
  const toolbar = make("div", { class: "ig-tools", role: "toolbar", "aria-label": "mask tools" },
    group("tools", ...tools),
    group("brush", make("label", {}, "Size ", size)),
    group("changes", undo, redo,
      button("Invert", () => act(() => mask.all((v) => 255 - v), "inverted")),
      button("Clear", () => act(() => mask.all(() => 0), "cleared"))),
    group("edge",
      button("Grow", () => act(() => mask.grow(by()), `grown by ${by()} px`)),
      button("Shrink", () => act(() => mask.shrink(by()), `shrunk by ${by()} px`)),
      button("Feather", () => act(() => mask.feather(by()), `feathered by ${by()} px`)),
      make("label", {}, "by ", amount, " px")),
    group("view", button("−", () => scale(zoom / 1.25), { "aria-label": "zoom out" }),
      button("+", () => scale(zoom * 1.25), { "aria-label": "zoom in" }),
      button("Fit", () => fit()),
      make("label", {}, "Opacity ", opacity)));

  // by numbers
  const number = (name) => make("input", { type: "number", min: "0", value: "0", "aria-label": `rectangle ${name}`, "data-box": name });
  const boxes = ["x", "y", "w", "h"].map(number);
  const filled = (v) => () => {
    const [x, y, w, h] = boxes.map((input) => Number(input.value) || 0);
    if (w > 0 && h > 0) act(() => mask.rectangle(x, y, x + w, y + h, v), v ? "rectangle added" : "rectangle taken away");
    else report("give a width and a height in pixels");
  };
  const numbers = make("div", { class: "ig-tools ig-numbers", role: "group", "aria-label": "a rectangle by numbers, in pixels" },
    make("span", { class: "ig-name" }, "By numbers"),
    ...boxes.map((input) => make("label", {}, input.dataset.box + " ", input)),
    button("Add rectangle", filled(255)), button("Erase rectangle", filled(0)));

  const choose = (name) => {
    tool = name;
    points = [];
    sketch();
    for (const item of tools) item.setAttribute("aria-pressed", String(item.dataset.tool === name));
    place();
    report();
  };
  const resize = (wanted) => {
    radius = Math.max(0.5, Math.min(Math.min(width, height) / 4, Math.round(2 * wanted) / 2));
    size.value = String(2 * radius);
    place();
    report();
  };
  const scale = (wanted) => {
    fitted = false;
    zoom = Math.max(0.02, Math.min(16, wanted));
    canvas.style.width = `${width * zoom}px`;
    canvas.style.height = `${height * zoom}px`;
    draw([0, 0, width, height]);
    place();
  };
  /** Zooms with the point under the pointer staying where it is. */
  const scaleAt = (wanted, event) => {
    const [x, y] = at(event);
    scale(wanted);
    const now = paint.getBoundingClientRect();
    view.scrollLeft += (x * now.width) / width + now.left - event.clientX;
    view.scrollTop += (y * now.height) / height + now.top - event.clientY;
  };
  const fit = () => {
    if (!view.clientWidth) return; // not in the page yet
    scale(Math.min((view.clientWidth - 4) / width, HIGHEST / height));
    fitted = true;
    ready();
  };
  const ready = () => el.classList.toggle("ig-ready", fitted && picture.complete && picture.naturalWidth > 0);
  let seen = 0;
  const watcher = new ResizeObserver(() => {
    if (view.clientWidth === seen) return;
    seen = view.clientWidth;
    if (fitted) fit();
  });

  el.append(toolbar, view, say, numbers, help);
  picture.onload = ready;
  choose("brush");
  watcher.observe(view);
  return {
    el, mask, report, canvas,
    share: () => mask.share(),
    empty: () => !mask.pixels.some((value) => value > 127),
    show: (address) => (picture.src = address),
    /** Takes a saved mask: one byte a pixel, 255 will change. */
    load: (pixels) => act(() => mask.replace(pixels), "mask loaded"),
    destroy: () => {
      watcher.disconnect();
      releases.forEach((release) => release());
    },
  };
}
