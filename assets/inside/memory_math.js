// What a fine-tune of an encoder keeps in memory, computed: weights, gradients, optimiser, activations, in bytes. The formulas
// and where they are from stand in FORMULAS, as the page shows them.

import { N_ } from "../language.js";

export const SHAPES = {
  "MiniLM-L6": { layers: 6, hidden: 384, inner: 1536, heads: 12, vocabulary: 30522 },
  "BERT-base": { layers: 12, hidden: 768, inner: 3072, heads: 12, vocabulary: 30522 },
  "BERT-large": { layers: 24, hidden: 1024, inner: 4096, heads: 16, vocabulary: 30522 },
  [N_("1 billion")]: { layers: 24, hidden: 1920, inner: 7680, heads: 15, vocabulary: 32000 },
  [N_("7 billion")]: { layers: 32, hidden: 4096, inner: 11008, heads: 32, vocabulary: 32000, gated: true },
};
export const NF4_BITS = 4 + 8 / 64 + 32 / (64 * 256);
/** Adam's two numbers and the gradient are kept in float32. */
export const FORMULAS = [
  [
    N_("parameters of the encoder"),
    N_("layers × (4 h² + 2 h f) in its matrices, (vocabulary + positions + 2) × h in its embeddings"),
    N_("Devlin et al. 2019"),
    "https://arxiv.org/abs/1810.04805",
  ],
  [
    N_("parameters of the adapter"),
    N_("r × (inputs + outputs) for each matrix"),
    N_("Hu et al. 2021"),
    "https://arxiv.org/abs/2106.09685",
  ],
  [
    N_("weights in NF4 with double quantisation"),
    N_("4 + 8/64 + 32/(64 × 256) bits each"),
    N_("Dettmers et al. 2023, section 3"),
    "https://arxiv.org/abs/2305.14314",
  ],
  [
    N_("gradient and optimiser"),
    N_("4 + 8 bytes a trained parameter, because Adam keeps two numbers"),
    N_("Kingma & Ba 2015"),
    "https://arxiv.org/abs/1412.6980",
  ],
  [
    N_("activations"),
    N_("34 s b h + 5 a s² b bytes a layer in 16 bits (s tokens, b pairs, a heads), twice as much in 32"),
    N_("Korthikanti et al. 2022, equation 2"),
    "https://arxiv.org/abs/2205.05198",
  ],
];

/** What may be asked: of the model, then of its training; least and most. BERT's feed-forward is four times as wide. */
export const SIZES = {
  layers: [N_("layers"), 1, 200],
  hidden: [N_("hidden size h"), 2, 32768],
  inner: [N_("feed-forward size f"), 2, 131072],
  heads: [N_("heads a"), 1, 256],
  vocabulary: [N_("vocabulary"), 2, 1000000],
};
export const TRAINING = {
  tokens: [N_("tokens a pair s"), 1, 8192],
  batch: [N_("pairs a batch b"), 1, 4096],
  r: [N_("rank r"), 1, 1024],
};
const POSITIONS = 512;
const FLOAT32 = 4;
const ADAM = 2 * FLOAT32;

/** Numbers in the matrices of the encoder, in its embeddings, and in everything else. */
export function parameters({ layers, hidden, inner, vocabulary, gated }, tokens = POSITIONS) {
  const matrices = layers * (4 * hidden * hidden + (gated ? 3 : 2) * hidden * inner);
  const embeddings = (vocabulary + Math.max(POSITIONS, tokens) + 2) * hidden;
  const others = layers * (9 * hidden + inner) + 2 * hidden;
  return { matrices, embeddings, others, total: matrices + embeddings + others };
}

/** Numbers of an adapter of rank `r` on every matrix. */
export function adapterParameters({ layers, hidden, inner, gated }, r) {
  return layers * r * (4 * 2 * hidden + (gated ? 3 : 2) * (hidden + inner));
}

/** A shape with one size changed: its feed-forward stays as many times as wide as BERT's when `hidden` changes. */
export function reshaped(shape, name, value) {
  return { ...shape, [name]: value, ...(name === "hidden" ? { inner: 4 * value } : {}) };
}

/** Bytes of activations for a batch of `batch` pairs of `tokens` tokens, each number in `bytes` bytes. */
export function activations({ layers, hidden, heads }, { batch, tokens, bytes }) {
  return ((layers * bytes) / 2) * (34 * tokens * batch * hidden + 5 * heads * tokens * tokens * batch);
}

/** Bytes by part, for full fine-tuning, LoRA and QLoRA. */
export function memory(shape, { r, batch, tokens, bytes }) {
  const { matrices, embeddings, others, total } = parameters(shape, tokens);
  const adapter = adapterParameters(shape, r);
  const kept = activations(shape, { batch, tokens, bytes });
  const trained = (n) => ({ gradients: n * FLOAT32, optimiser: n * ADAM });
  return {
    "full fine-tuning": { weights: total * FLOAT32, ...trained(total), activations: kept },
    LoRA: { weights: total * bytes + adapter * FLOAT32, ...trained(adapter), activations: kept },
    QLoRA: {
      weights: (matrices * NF4_BITS) / 8 + (embeddings + others) * bytes + adapter * FLOAT32,
      ...trained(adapter),
      activations: kept,
    },
  };
}
