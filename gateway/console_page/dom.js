// The page's own elements: making them, finding them, and saying things in them.

/** Return the element of an id. */
export const $ = (id) => document.getElementById(id);

/** Return a new element; properties that begin with `on` are listeners, `data-` and `aria-` are attributes. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** Say a problem in a section's own place for it; nothing takes it away. */
export function problem(element, error) {
  const text = error ? error.message || String(error) : "";
  element.hidden = !text;
  element.textContent = text;
}

/** Say for a few seconds that something was done. */
export function toast(text, kind = "") {
  const element = h("p", { className: `toast ${kind}` }, text);
  $("toasts").append(element);
  setTimeout(() => element.remove(), kind ? 9000 : 4000);
}

/** Ask before something that cannot be undone; return whether to go on. */
export function sure(title, text, yes = "Delete") {
  const dialog = $("sure-dialog");
  $("sure-title").textContent = title;
  $("sure-text").textContent = text;
  $("sure-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true });
  });
}

/** Let a dialog's buttons of `data-close` close it. */
export function closable(dialog) {
  for (const button of dialog.querySelectorAll("[data-close]")) button.addEventListener("click", () => dialog.close());
}

/** Disable a button while something runs, and say what goes wrong in `place`. */
export async function busy(button, place, work) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  problem(place, null);
  try {
    await work();
  } catch (error) {
    problem(place, error);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** Give a file to the browser to save. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Return a function that calls `act` once calls have stopped for a moment. */
export function settled(act, milliseconds = 120) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...values), milliseconds);
  };
}

/** Copy a text, and say so. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { value: text, className: "hidden-input" }); // no clipboard without HTTPS
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast("Copied");
}
