// Two pictures over each other, with a line between them that a range input moves: pointer, touch and keys for free.
// Used by the CompareSlider widget (compare_slider.js) and by the panel.

/** Two images over each other: { el, show(side, address), set(position), destroy() }; `moved(position)` follows the line. */
function comparison({ labels, position, moved, settled = () => {} }) {
  const [first, second] = labels;
  const before = make("img", { alt: first, class: "ig-before", draggable: "false" });
  const after = make("img", { alt: second, class: "ig-after", draggable: "false" });
  const line = make("div", { class: "ig-line", "aria-hidden": "true" });
  const slider = make("input", { type: "range", min: "0", max: "100", step: "1", class: "ig-range", "aria-label": `how much of ${first} is shown, the rest is ${second}` });
  const stage = make("div", { class: "ig-stage" }, before, after, line, slider);
  const names = make("div", { class: "ig-names" }, make("span", {}, first), make("span", {}, second));
  const set = (to) => {
    after.style.clipPath = `inset(0 0 0 ${to}%)`;
    line.style.left = `${to}%`;
    slider.value = String(to);
    slider.setAttribute("aria-valuetext", `${Math.round(to)} % ${first}`);
  };
  const release = ownKeys(slider); // else arrows fold the notebook's headings
  slider.addEventListener("input", () => {
    set(Number(slider.value));
    moved(Number(slider.value));
  });
  slider.addEventListener("change", settled);
  set(position);
  const el = make("div", { class: "ig-pair" }, names, stage);
  return { el, set, slider, show: (side, address) => ([before, after][side].src = address), destroy: release };
}
