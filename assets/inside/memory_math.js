// What a fine-tune of an encoder keeps in memory, computed: weights, gradients, optimiser, activations, in bytes.
//
// Adam keeps two numbers a trained parameter (Kingma & Ba 2015, arXiv:1412.6980). NF4 with double quantisation takes
// 4 + 8/64 + 32/(64 * 256) bits a number (Dettmers et al. 2023, arXiv:2305.14314, section 3). Activations: 34 s b h + 5 a s² b
// bytes a layer in 16 bits (Korthikanti et al. 2022, arXiv:2205.05198, equation 2), twice as much in 32.

export const SHAPES = {
  "MiniLM-L6": { layers: 6, hidden: 384, inner: 1536, heads: 12, vocabulary: 30522 },
  "BERT-base": { layers: 12, hidden: 768, inner: 3072, heads: 12, vocabulary: 30522 },
  "BERT-large": { layers: 24, hidden: 1024, inner: 4096, heads: 16, vocabulary: 30522 },
  "1 billion": { layers: 24, hidden: 1920, inner: 7680, heads: 15, vocabulary: 32000 },
  "7 billion": { layers: 32, hidden: 4096, inner: 11008, heads: 32, vocabulary: 32000, gated: true },
};
export const NF4_BITS = 4 + 8 / 64 + 32 / (64 * 256);
const POSITIONS = 512;
const FLOAT32 = 4;
const ADAM = 2 * FLOAT32;

/** Numbers in the matrices of the encoder, in its embeddings, and in everything else. */
export function parameters({ layers, hidden, inner, vocabulary, gated }) {
  const matrices = layers * (4 * hidden * hidden + (gated ? 3 : 2) * hidden * inner);
  const embeddings = (vocabulary + POSITIONS + 2) * hidden;
  const others = layers * (9 * hidden + inner) + 2 * hidden;
  return { matrices, embeddings, others, total: matrices + embeddings + others };
}

/** Numbers of an adapter of rank `r` on every matrix. */
export function adapterParameters({ layers, hidden, inner, gated }, r) {
  return layers * r * (4 * 2 * hidden + (gated ? 3 : 2) * (hidden + inner));
}

/** Bytes of activations for a batch of `batch` pairs of `tokens` tokens, each number in `bytes` bytes. */
export function activations({ layers, hidden, heads }, { batch, tokens, bytes }) {
  return ((layers * bytes) / 2) * (34 * tokens * batch * hidden + 5 * heads * tokens * tokens * batch);
}

/** Bytes by part, for full fine-tuning, LoRA and QLoRA. */
export function memory(shape, { r, batch, tokens, bytes }) {
  const { matrices, embeddings, others, total } = parameters(shape);
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
