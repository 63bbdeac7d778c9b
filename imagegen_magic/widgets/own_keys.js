// Shared by the widgets that take single keys while they are focused: put before their own source.

/** A key without Ctrl, ⌘ or Alt; Shift+Enter runs the cell and is the notebook's. */
const plainKey = (event) => !(event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === "Enter"));

/**
 * Keeps JupyterLab's shortcuts (d d deletes a cell) off the keys that a focused element takes itself, and only off
 * those: Ctrl+S still saves. Lab looks for the mark while the event is captured at the document; the window is asked first.
 * Gives back a function that ends it.
 */
function ownKeys(element, owns = plainKey) {
  const mark = (event) => {
    if (!element.contains(event.target)) return;
    if (owns(event)) element.setAttribute("data-lm-suppress-shortcuts", "true");
    else element.removeAttribute("data-lm-suppress-shortcuts");
  };
  window.addEventListener("keydown", mark, true);
  return () => window.removeEventListener("keydown", mark, true);
}

/** An element with attributes and children; texts are set as text, never as markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    name.startsWith("on") ? element.addEventListener(name.slice(2), value) : element.setAttribute(name, value);
  element.append(...children);
  return element;
}
