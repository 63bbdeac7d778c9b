// Shared by the widgets that take single keys while they are focused: put before their own source.

/**
 * Keeps JupyterLab's single-key shortcuts (d d deletes a cell) off a focused element, but not Shift+Enter, which
 * runs the cell: the mark that Lab looks for goes away while Shift alone is down.
 */
function ownKeys(element) {
  const mark = () => element.setAttribute("data-lm-suppress-shortcuts", "true");
  const shift = (event) => {
    if (event.key === "Shift" && !event.ctrlKey && !event.metaKey) element.removeAttribute("data-lm-suppress-shortcuts");
  };
  mark();
  element.addEventListener("keydown", shift);
  element.addEventListener("keyup", (event) => event.key === "Shift" && mark());
  element.addEventListener("blur", mark, true);
}

/** An element with attributes and children; texts are set as text, never as markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    name.startsWith("on") ? element.addEventListener(name.slice(2), value) : element.setAttribute(name, value);
  element.append(...children);
  return element;
}
