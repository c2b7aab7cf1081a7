// The page: its sections, its key, its colours, and whether the server can be reached.

import { call, events, hasKey, setKey } from "./api.js";
import { fetchModels, fetchVoices } from "./catalogue.js";
import { $, closable, problem } from "./dom.js";
import { startListen } from "./listen.js";
import { startModels } from "./models.js";
import { startSpeak } from "./speak.js";
import { startStatus, watchStatus } from "./status.js";
import { startVoices } from "./voices.js";

const SECTIONS = ["speak", "listen", "voices", "models", "status"];
const THEMES = ["", "light", "dark"];
const THEME = "voicebox theme";
const LOOK_AGAIN = 2500;
let offline = false;

startTheme();
startKey();
startSpeak();
startListen();
startVoices();
startModels();
startStatus();
events.addEventListener("offline", lost);
window.addEventListener("offline", lost);
window.addEventListener("hashchange", () => go(true));
go(false);
load();

/** Show the section that the address names. */
function go(moved) {
  const name = location.hash.replace("#/", "");
  if (moved && !SECTIONS.includes(name)) return;
  const shown = SECTIONS.includes(name) ? name : SECTIONS[0];
  for (const section of SECTIONS) {
    $(section).hidden = section !== shown;
    const link = document.querySelector(`nav a[href="#/${section}"]`);
    if (section === shown) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${shown[0].toUpperCase()}${shown.slice(1)} – Voicebox Gateway`;
  if (moved) {
    window.scrollTo(0, 0);
    $("main").focus({ preventScroll: true });
    if (shown === "models") refresh(fetchModels);
  }
  watchStatus(shown === "status");
}

/** Fetch what the sections show; where an answer is refused or missing, the page says so and goes on. */
async function load() {
  await Promise.all([refresh(fetchVoices), refresh(fetchModels)]);
  await whenReady();
}

async function refresh(fetching) {
  try {
    await fetching();
    problem($("voices-problem"), null);
  } catch (error) {
    if (error.status && error.status !== 401) for (const section of ["speak", "voices", "models"]) problem($(`${section}-problem`), error);
  }
}

/** Engines that are still starting bring their voices later. */
async function whenReady() {
  for (;;) {
    const answer = await probe();
    if (!answer || (await answer.json()).status === "ok") return;
    await wait(LOOK_AGAIN);
    await Promise.all([refresh(fetchVoices), refresh(fetchModels)]);
  }
}

async function probe() {
  try {
    return await call("GET", "health", { quiet: true });
  } catch {
    return null; // said by the banner
  }
}

async function lost() {
  if (offline) return;
  offline = true;
  $("banner").textContent = "The server cannot be reached. This page goes on by itself as soon as it answers.";
  $("banner").hidden = false;
  do await wait(LOOK_AGAIN);
  while (!(await probe()));
  offline = false;
  $("banner").hidden = true;
  await load();
}

function startKey() {
  const dialog = $("key-dialog");
  closable(dialog);
  events.addEventListener("key", (event) => askKey(event.detail));
  $("key-button").addEventListener("click", () => askKey(""));
  $("key-button").hidden = !hasKey();
  $("key-forget").addEventListener("click", () => useKey(""));
  $("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    useKey($("key").value);
  });
}

function askKey(why) {
  $("key-button").hidden = false;
  if ($("key-dialog").open) return;
  problem($("key-why"), why ? { message: why } : null);
  $("key").value = "";
  $("key-dialog").showModal();
}

function useKey(key) {
  setKey(key);
  $("key-dialog").close();
  load();
}

function startTheme() {
  let theme = "";
  try {
    theme = localStorage.getItem(THEME) ?? "";
  } catch {
    // storage is refused: as the system has it
  }
  showTheme(THEMES.includes(theme) ? theme : "");
  $("theme").addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme ?? "") + 1) % THEMES.length];
    showTheme(next);
    try {
      localStorage.setItem(THEME, next);
    } catch {
      // as above
    }
  });
}

function showTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  const label = { "": "Colours: as the system has them", light: "Colours: light", dark: "Colours: dark" }[theme];
  $("theme").setAttribute("aria-label", label);
  $("theme").title = label;
  $("theme").textContent = { "": "◐", light: "☼", dark: "☾" }[theme];
}

function wait(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}
