import assert from "node:assert/strict";
import { test } from "node:test";

import { makeAsk, Overtaken } from "../../assets/inside/ask.js";
import { verdict } from "../../assets/inside/formats.js";
import {
  activations,
  adapterParameters,
  memory,
  NF4_BITS,
  parameters,
  reshaped,
  SHAPES,
  SIZES,
} from "../../assets/inside/memory_math.js";
import { named, short } from "../../assets/inside/page.js";
import { anotherNumber, negate, swapNames } from "../../assets/inside/pair.js";
import { chosenIn } from "../../assets/inside/readings.js";

test("a number is said in as few digits as say it", () => {
  assert.deepEqual(
    [0, 0.12345, -1234567, 0.00012].map((value) => short(value)),
    ["0", "0.123", "-1.23e+6", "1.20e-4"],
  );
});

test("parameters are those of the models that have these names", () => {
  const millions = (name) => parameters(SHAPES[name]).total / 1e6;
  assert.ok(Math.abs(millions("MiniLM-L6") - 22.6) < 0.2); // 22.7 with its pooler
  assert.ok(Math.abs(millions("BERT-base") - 108.9) < 0.5);
  assert.ok(Math.abs(millions("BERT-large") - 334) < 1.5);
  assert.ok(Math.abs(millions("1 billion") - 1120) < 60);
  assert.ok(Math.abs(millions("7 billion") - 6600) < 200);
});

test("an encoder of any size is computed from what was typed", () => {
  const base = Object.entries(SHAPES["BERT-base"]).reduce(
    (shape, [name, value]) => reshaped(shape, name, value),
    SHAPES["7 billion"],
  );
  assert.deepEqual(base, { ...SHAPES["BERT-base"], gated: true });
  assert.equal(reshaped(SHAPES["BERT-base"], "hidden", 100).inner, 400);
  const longer = parameters(SHAPES["BERT-base"], 1024).embeddings - parameters(SHAPES["BERT-base"]).embeddings;
  assert.equal(longer, 512 * 768); // a table of positions as long as the pairs
  assert.ok(Object.keys(SIZES).every((name) => name in SHAPES["MiniLM-L6"]));
});

test("what an address names is taken within its limits", () => {
  const rank = (address) => named(address, "rank", 0, 16, 16);
  assert.deepEqual(["?rank=3", "?rank=0", "?rank=16"].map(rank), [3, 0, 16]);
  assert.deepEqual(
    ["", "?rank=", "?rank=%20", "?rank=17", "?rank=-1", "?rank=x", "?rank=NaN"].map(rank),
    Array(7).fill(16),
  );
  assert.equal(named("?outlier=2.5", "outlier", 1, 12, 1), 2.5);
});

test("an adapter on all linear layers of MiniLM has the parameters that PEFT counts", () => {
  // 812,162 trainable ones less pooler (384 * 384 + 384) and classifier (2 * 384 + 2)
  assert.equal(adapterParameters(SHAPES["MiniLM-L6"], 16), 812162 - 384 * 385 - 770);
});

test("QLoRA saves weights, LoRA what belongs to training, and neither activations", () => {
  const found = memory(SHAPES["BERT-base"], { r: 16, batch: 16, tokens: 64, bytes: 4 });
  const { "full fine-tuning": full, LoRA: lora, QLoRA: qlora } = found;
  assert.ok(qlora.weights < lora.weights / 2);
  assert.equal(full.optimiser, 2 * full.gradients);
  assert.equal(lora.optimiser, qlora.optimiser);
  assert.ok(lora.optimiser < full.optimiser / 20);
  assert.equal(new Set(Object.values(found).map((parts) => parts.activations)).size, 1);
  assert.equal(NF4_BITS.toFixed(3), "4.127");
  const shape = { layers: 1, hidden: 2, heads: 1 };
  assert.equal(activations(shape, { batch: 1, tokens: 3, bytes: 2 }), 34 * 3 * 2 + 5 * 9);
});

test("one thing of a sentence is changed", () => {
  assert.equal(swapNames("Anna sold it to Ben, Anna says."), "Ben sold it to Anna, Ben says.");
  assert.equal(swapNames("The boat of Anna."), "The boat of Anna.");
  assert.equal(negate("The boat was sold."), "The boat was not sold.");
  assert.equal(negate(negate("The boat was sold.")), "The boat was sold.");
  assert.equal(anotherNumber("It cost 9 pounds."), "It cost 10 pounds.");
  assert.equal(anotherNumber("twelve of twelve"), "one of twelve");
  assert.equal(anotherNumber("none"), "none");
});

test("the verdict names the best of four bits and what double quantisation costs", () => {
  const formats = [
    { name: "NF4", bits: 4.5, rms_error: 1 },
    { name: "NF4, double quantisation", bits: 4.25, rms_error: 1.01 },
    { name: "plain int4", bits: 4.5, rms_error: 1.5 },
    { name: "int8", bits: 8, rms_error: 0.1 },
  ];
  const words = verdict(formats);
  assert.match(words, /NF4 comes nearest/);
  assert.match(words, /plain int4 is 1.5 times/);
  assert.match(words, /saves 0.25 bits a weight and makes the error 1 % larger/);
});

test("an answer is asked for once, a failure again, and another run's answer is nobody's", async () => {
  let run = "one";
  let asked = 0;
  const answers = [{ error: "No." }, { answer: 1 }, { answer: 2 }];
  const ask = makeAsk({ ask: async () => answers[asked++] }, () => run);
  await assert.rejects(ask({ what: "spectrum" }), /No\./);
  assert.equal(await ask({ what: "spectrum" }), 1);
  assert.equal(await ask({ what: "spectrum" }), 1);
  assert.equal(asked, 2);
  const late = ask({ what: "block" });
  run = "two";
  await assert.rejects(late, Overtaken);
});

test("a server that does not answer is said not to", async () => {
  const ask = makeAsk({ ask: () => Promise.reject(new Error("gone")) }, () => "one");
  await assert.rejects(ask({}), /does not answer/);
});

test("a chosen word stays chosen while the other sentence changes", () => {
  const read = (words) => ({ tokens: words, sentences: [null, 1, 1, null, 2, null] });
  const pair = read(["[CLS]", "nine", "pounds", "[SEP]", "ben", "[SEP]"]);
  assert.equal(chosenIn(pair, "pounds", 2), 2);
  assert.equal(chosenIn(pair, "pounds", 4), 2);
  assert.equal(chosenIn(pair, "anna", 4), 1);
  assert.equal(chosenIn(pair, "[SEP]", 5), 1);
  assert.equal(chosenIn(pair, undefined, undefined), 1);
});
