// Programs that do what was just done on the page.

import { address } from "./api.js";

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** Return the program in a language (`curl`, `python`, `javascript`) for a request to speak; `keyed` where keys are on. */
export function snippet(language, body, keyed) {
  return { curl, python, javascript }[language](body, keyed, `speech.${body.response_format}`);
}

function curl(body, keyed, file) {
  const lines = [`curl -sS ${address("v1/audio/speech")}`, "-H 'Content-Type: application/json'"];
  if (keyed) lines.push('-H "Authorization: Bearer $VOICEBOX_API_KEY"');
  lines.push(`-d ${quote(JSON.stringify(body))}`, `-o ${file}`);
  return lines.join(" \\\n  ");
}

function python(body, keyed, file) {
  const own = ["language", "settings"];
  const known = Object.entries(body).filter(([name]) => !own.includes(name));
  const extra = Object.fromEntries(Object.entries(body).filter(([name]) => own.includes(name)));
  const lines = known.map(([name, value]) => `    ${name}=${literal(value)},`);
  if (Object.keys(extra).length) lines.push(`    extra_body=${literal(extra)},`);
  return [
    ...(keyed ? ["import os", ""] : []),
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url="${address("v1")}", api_key=${keyed ? 'os.environ["VOICEBOX_API_KEY"]' : '"none"'})`,
    "with client.audio.speech.with_streaming_response.create(",
    ...lines,
    ") as response:",
    `    response.stream_to_file("${file}")`,
  ].join("\n");
}

/** Return a value as Python writes it. */
function literal(value) {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value && typeof value === "object") return `{${Object.entries(value).map(([name, one]) => `"${name}": ${literal(one)}`).join(", ")}}`;
  return JSON.stringify(value);
}

function javascript(body, keyed, file) {
  return [
    'import { writeFile } from "node:fs/promises";',
    'import OpenAI from "openai";',
    "",
    `const client = new OpenAI({ baseURL: "${address("v1")}", apiKey: ${keyed ? "process.env.VOICEBOX_API_KEY" : '"none"'} });`,
    `const response = await client.audio.speech.create(${JSON.stringify(body, null, 2)});`,
    `await writeFile("${file}", response.body);`,
  ].join("\n");
}
