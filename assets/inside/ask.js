// Questions to the server about a run's inside. Answers are kept, because they do not change; an answer that comes after
// another run was chosen is not anybody's any more.

import { _ } from "../language.js";

const KEPT = 60;
const SILENT = _("The server does not answer. Try again in a moment.");

/** Thrown where another run was chosen while the server was asked. */
export class Overtaken extends Error {}

export function makeAsk(server, run) {
  const kept = new Map();

  return async function ask(question) {
    const of = run();
    const key = JSON.stringify([of, question]);
    if (!kept.has(key)) {
      kept.set(key, answered(server, { run: of, question }));
      if (kept.size > KEPT) kept.delete(kept.keys().next().value);
    }
    let answer;
    try {
      answer = await kept.get(key);
    } catch (error) {
      kept.delete(key);
      throw error;
    }
    if (run() !== of) throw new Overtaken("");
    return answer;
  };
}

async function answered(server, asked) {
  return (await told(server.ask(asked))).answer;
}

/** What a function of the server says. Gradio's own wrapper gives nothing where the server cannot be reached. */
export async function told(reply) {
  const said = (await reply.catch(() => null)) ?? { error: SILENT };
  if (said.error) throw new Error(said.error);
  return said;
}
