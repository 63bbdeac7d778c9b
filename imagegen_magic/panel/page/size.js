// One control for the size: ratio chips, a scale, W x H snapped to what the model takes, swap and lock.

const RATIO = /^(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)(?:@([124]k))?$/;
const PIXELS = /^(\d+)\s*[x×]\s*(\d+)$/i;

/** An edge as near as the rule allows, and why it is another. */
function snapped(edge, rule) {
  const near = Math.max(rule.multiple, Math.min(rule.max_edge, Math.round(edge / rule.multiple) * rule.multiple));
  if (near === edge) return [near, ""];
  const why = edge > rule.max_edge ? `edges are at most ${rule.max_edge} px` : `edges are multiples of ${rule.multiple}`;
  return [near, `${edge} → ${near}: ${why}`];
}

/** Gives { el, update() }; the size stands in form.values.size, as an option's value. */
function sizeControl(ui) {
  const ratios = chips({ legend: "Size", values: ["auto"], label: face, chosen: (value) => choose(value, scale) });
  const scales = chips({ legend: "resolution", values: ["1k"], chosen: (value) => choose(ratio, value), quiet: true });
  const box = (name) => make("input", { type: "number", min: "16", step: "16", inputmode: "numeric", "aria-label": name, onchange: () => typed(name) });
  const width = box("width"), height = box("height");
  const swap = button("⇄", () => swapped(), { "aria-label": "swap width and height", title: "swap width and height" });
  const lock = make("input", { type: "checkbox" });
  const hint = make("span", { class: "igp-quiet" });
  const why = make("span", { class: "igp-quiet", role: "status" });
  const custom = make("div", { class: "igp-line" }, width, make("span", { "aria-hidden": "true" }, "×"), height, swap, make("label", { class: "igp-check" }, lock, "lock ratio"));
  const el = make("div", { class: "igp-size" }, ratios.el, scales.el, custom, make("div", {}, hint, " ", why));
  let ratio = "auto", scale = "1k";

  function face(value) {
    const found = RATIO.exec(value) ?? PIXELS.exec(value);
    return found ? [shape(Number(found[1]), Number(found[2])), value] : value;
  }
  const put = (value) => {
    why.textContent = "";
    ui.set("size", value);
  };
  const choose = (value, at) => {
    if (RATIO.test(value) || value === "auto") put(value === "auto" ? "auto" : at === "1k" ? value : `${value}@${at}`);
    else put(value);
  };
  const rule = () => ui.controls().sizes?.rule;
  const typed = (name) => {
    const limits = rule();
    if (!limits) return;
    const before = PIXELS.exec(ui.form.values.size ?? "") ?? PIXELS.exec(ui.checked().size ?? "");
    let edges = [Number(width.value) || 0, Number(height.value) || 0], reasons = [];
    if (lock.checked && before) {
      const whole = Number(before[1]) / Number(before[2]);
      edges = name === "width" ? [edges[0], edges[0] / whole] : [edges[1] * whole, edges[1]];
    }
    edges = edges.map((edge, i) => {
      const [near, reason] = snapped(Math.round(edge), limits);
      if (reason && (i === 0) === (name === "width")) reasons.push(reason);
      return near;
    });
    put(edges.join("x"));
    why.textContent = reasons.join("; ");
  };
  const swapped = () => {
    const found = RATIO.exec(ui.form.values.size ?? ""), pixels = PIXELS.exec(ui.form.values.size ?? "") ?? PIXELS.exec(ui.checked().size ?? "");
    if (found) put(`${found[2]}:${found[1]}${found[3] ? "@" + found[3] : ""}`);
    else if (pixels) put(`${pixels[2]}x${pixels[1]}`);
  };
  const update = () => {
    const sizes = ui.controls().sizes ?? {}, value = String(ui.form.values.size ?? ui.controls().defaults?.size ?? "auto");
    const flexible = Boolean(sizes.rule), found = RATIO.exec(value);
    const known = flexible ? ["auto", ...sizes.ratios] : ["auto", ...(sizes.fixed ?? [])];
    ratio = found ? `${found[1]}:${found[2]}` : value;
    scale = found?.[3] ?? "1k";
    ratios.offer(known.includes(ratio) || !found ? known : [...known, ratio]);
    ratios.set(ratio);
    scales.offer(sizes.scales ?? ["1k"]);
    scales.set(scale);
    scales.el.hidden = !flexible || !found;
    custom.hidden = !flexible;
    const pixels = PIXELS.exec(value) ?? PIXELS.exec(ui.checked().size ?? "");
    const focused = el.getRootNode().activeElement;
    if (focused !== width) width.value = pixels ? pixels[1] : "";
    if (focused !== height) height.value = pixels ? pixels[2] : "";
    swap.disabled = !pixels;
    hint.textContent = pixels ? `${pixels[1]} x ${pixels[2]} · ${((pixels[1] * pixels[2]) / 1e6).toFixed(1)} MP` : "the server chooses";
  };
  return { el, update };
}
