// What the panel needs from the page and core widgets don't offer: keys in the prompt, names for screen readers,
// the clipboard, and opening a file. Draws nothing itself.

const PROMPT = ".imagegen-prompt textarea";

/** The page's address of a file, from its path relative to the notebook; null where the page doesn't say. */
function addressOf(path, folder) {
  const config = document.getElementById("jupyter-config-data");
  if (!config || path.startsWith("/") || folder === null) return null;
  const base = JSON.parse(config.textContent).baseUrl || "/";
  return base + "files/" + [folder, path].filter(Boolean).join("/").split("/").map(encodeURIComponent).join("/");
}

/** Ctrl or ⌘ with Enter generates, Alt with an arrow steps through prompts. Everything else is the page's own. */
function press(event) {
  if (!event.target.matches(PROMPT)) return null;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.shiftKey) return "generate";
  if (event.altKey && event.key === "ArrowUp") return "older";
  if (event.altKey && event.key === "ArrowDown") return "newer";
  return null;
}

/** Names and roles that core widgets leave out (jupyter-widgets/ipywidgets issue 2650). */
function nameThings(panel) {
  panel.setAttribute("role", "region");
  panel.setAttribute("aria-label", "imagegen panel");
  for (const live of panel.querySelectorAll(".imagegen-status, .imagegen-reason")) live.setAttribute("role", "status");
  for (const group of panel.querySelectorAll(".widget-toggle-buttons, .jupyter-widget-toggle-buttons")) {
    group.setAttribute("role", "group");
    const label = group.querySelector("label");
    group.setAttribute("aria-label", (label && label.textContent) || "mode");
    for (const button of group.querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(button.classList.contains("mod-active")));
  }
  const field = panel.querySelector(".imagegen-tools select");
  if (field) field.setAttribute("aria-label", "add a prompt field");
  for (const input of panel.querySelectorAll("input[type=file]")) input.setAttribute("aria-label", "upload pictures");
}

function render({ model, el }) {
  el.style.display = "none";
  let panel = null;
  let frame = 0;
  const keys = (event) => {
    const act = press(event);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    model.send({ press: act, prompt: event.target.value });
  };
  // A click may overtake the text typed before it, which core widgets hold back while the kernel is busy.
  const click = (event) => {
    if (!event.target.closest(".imagegen-go")) return;
    event.preventDefault();
    event.stopPropagation();
    model.send({ press: "generate", prompt: panel.querySelector(PROMPT).value });
  };
  const again = () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => panel && nameThings(panel));
  };
  const watcher = new MutationObserver(again);
  const attach = () => {
    panel = el.closest(".imagegen-panel");
    if (!panel) return void (frame = requestAnimationFrame(attach)); // not in the page yet
    panel.addEventListener("keydown", keys, true);
    panel.addEventListener("click", click, true);
    watcher.observe(panel, { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] });
    nameThings(panel);
  };
  attach();
  const message = (told) => {
    if (told.copy !== undefined && navigator.clipboard) navigator.clipboard.writeText(told.copy).catch(() => {});
    if (told.focus && panel && panel.contains(document.activeElement)) {
      const button = panel.querySelector(".imagegen-go");
      if (button) button.focus();
    }
    if (told.open !== undefined) {
      const address = addressOf(told.open, told.folder);
      if (address) window.open(address, "_blank", "noopener");
      else model.send({ cannot: "open" });
    }
  };
  model.on("msg:custom", message);
  return () => {
    cancelAnimationFrame(frame);
    watcher.disconnect();
    model.off("msg:custom", message);
    if (panel) panel.removeEventListener("keydown", keys, true);
    if (panel) panel.removeEventListener("click", click, true);
  };
}

export default { render };
