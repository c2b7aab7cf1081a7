// A short hearing of a voice, one at a time on the whole page.

import { call } from "./api.js";
import { catalogue, isOwn } from "./catalogue.js";
import { problem } from "./dom.js";
import { primary } from "./words.js";

const GREETINGS = {
  ar: "مرحبا، هذا صوتي.", cs: "Dobrý den, takhle zní můj hlas.", de: "Guten Tag, so klingt meine Stimme.", en: "Hello, this is how I sound.", es: "Hola, así suena mi voz.",
  fr: "Bonjour, voici ma voix.", hi: "नमस्ते, मेरी आवाज़ ऐसी है।", it: "Ciao, questa è la mia voce.", ja: "こんにちは、これが私の声です。", ko: "안녕하세요, 제 목소리입니다.",
  nl: "Hallo, zo klink ik.", pl: "Dzień dobry, tak brzmi mój głos.", pt: "Olá, esta é a minha voz.", ru: "Здравствуйте, это мой голос.", sv: "Hej, så här låter jag.",
  tr: "Merhaba, sesim böyle.", uk: "Добрий день, це мій голос.", cmn: "你好，这是我的声音。", zh: "你好，这是我的声音。",
};

let audio = null;
let playing = null;

/** Hear a voice; the same button stops it. */
export async function hear(id, button, place) {
  const again = playing === button;
  quiet();
  if (again || !id) return;
  playing = button;
  mark(button, true);
  problem(place, null);
  audio = new Audio();
  try {
    audio.src = URL.createObjectURL(await (await request(id)).blob());
    if (playing !== button) return;
    audio.onended = quiet;
    await audio.play();
  } catch (error) {
    if (playing === button) quiet();
    if (error.name !== "AbortError") problem(place, error);
  }
}

/** Stop what is heard. */
export function quiet() {
  if (audio) {
    audio.pause();
    URL.revokeObjectURL(audio.src);
  }
  if (playing) mark(playing, false);
  audio = playing = null;
}

function mark(button, is) {
  button.textContent = is ? "■" : "▶";
  button.setAttribute("aria-pressed", String(is));
}

function request(id) {
  const voice = catalogue.voices.find((one) => one.id === id);
  if (voice && isOwn(voice)) return call("POST", `v1/voicebox/profiles/${encodeURIComponent(id)}/preview`, { json: {} });
  const tag = primary(voice?.language ?? "en");
  const json = { model: "tts-1", voice: id, input: GREETINGS[tag] ?? GREETINGS.en, response_format: "mp3" };
  return call("POST", "v1/audio/speech", { json });
}
