// Small parts that the panel is made of. Texts are set as text, never as markup.

let made = 0;
/** A name that no other element of the page has. */
const unique = (word) => `igp-${word}-${Math.random().toString(36).slice(2, 8)}-${++made}`;

const button = (text, onclick, extra = {}) => make("button", { type: "button", onclick, ...extra }, text);

/** Text for screen readers only. */
const hidden = (text, extra = {}) => make("span", { class: "igp-hidden", ...extra }, text);

/** A disclosure that closes with Escape, its focus back on the summary. */
function disclosure(title, ...children) {
  const summary = make("summary", {}, title);
  const el = make("details", { class: "igp-pop" }, summary, make("div", { class: "igp-popped" }, ...children));
  el.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !el.open) return;
    el.open = false;
    summary.focus();
    event.stopPropagation();
  });
  return el;
}

/**
 * Chips of which one is chosen: native radio buttons, so one Tab stop and arrows come for free.
 * Gives { el, set(value), offer(values) }; `chosen(value)` is called when a person chooses.
 */
function chips({ legend, values, label = (value) => value, chosen, quiet = false }) {
  const name = unique("radio");
  const row = make("div", { class: "igp-chips" });
  const el = make("fieldset", { class: "igp-field" }, make("legend", quiet ? { class: "igp-hidden" } : {}, legend), row);
  let shown = [], current = null;
  const offer = (wanted) => {
    if (JSON.stringify(wanted) === JSON.stringify(shown)) return;
    const focused = row.contains(row.getRootNode().activeElement);
    shown = wanted;
    row.replaceChildren(
      ...wanted.map((value) => {
        const input = make("input", { type: "radio", name, value, class: "igp-hidden", onchange: () => chosen(value) });
        return make("label", { class: "igp-chip" }, input, ...[label(value)].flat());
      })
    );
    set(current);
    if (focused) row.querySelector("input:checked")?.focus();
  };
  const set = (value) => {
    current = value;
    for (const input of row.querySelectorAll("input")) input.checked = input.value === String(value);
  };
  offer(values);
  return { el, set, offer };
}

/** A drawing of a shape, 18 px at its longest. */
function shape(width, height) {
  const scale = 18 / Math.max(width, height);
  return make("span", { class: "igp-shape", "aria-hidden": "true", style: `width:${Math.max(5, width * scale)}px;height:${Math.max(5, height * scale)}px` });
}

/** Bytes as a person reads them. */
const megabytes = (count) => (count < 1e6 ? `${Math.max(1, Math.round(count / 1e3))} KB` : `${(count / 1e6).toFixed(1)} MB`);

/** A list with one Tab stop: arrows, Home and End walk; `pick(index)` is called with where they lead. */
function walkable(list, { count, index, pick }) {
  const across = () => {
    const items = [...list.children];
    return Math.max(1, items.filter((item) => item.offsetTop === items[0].offsetTop).length);
  };
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !count()) return;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across(), ArrowUp: -across(), Home: -1e6, End: 1e6 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    pick(Math.max(0, Math.min(count() - 1, index() + steps[event.key])));
  });
}

/** Copies a text; false if the browser does not let us. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Buttons with one Tab stop: arrows, Home and End walk. */
function toolbar(label, ...items) {
  const el = make("div", { class: "igp-toolbar", role: "toolbar", "aria-label": label }, ...items);
  const buttons = () => [...el.querySelectorAll("button")].filter((item) => !item.hidden);
  const stop = (chosen) => buttons().forEach((item) => (item.tabIndex = item === chosen ? 0 : -1));
  el.addEventListener("focusin", (event) => stop(event.target));
  el.addEventListener("keydown", (event) => {
    const all = buttons(), at = all.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    all[(to + all.length) % all.length].focus();
  });
  stop(items[0]);
  return el;
}
