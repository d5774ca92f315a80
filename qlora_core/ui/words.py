"""Words of the page that are longer than a label."""

TITLE = "QLoRA for BERT"
INTRODUCTION = (
    "# QLoRA for BERT\n"
    "Watch a real BERT, held in 4 bits, learn to tell paraphrases from look-alikes; measure what it gained; take the "
    "adapter home."
)
HOW_IT_WORKS = """
1. **Baseline.** The pretrained encoder answers the validation pairs before it has learned anything: with a random head,
   and with a *linear probe* (only a classifier is fitted on top).
2. **QLoRA.** Its matrices are quantised to 4 bits and frozen; small LoRA matrices beside them learn.
3. **Verify.** Adapter and tokenizer are saved, reloaded in a fresh process, and have to give the same answers.
4. **Compare.** Before against after, with intervals, and on sentences of your own.
"""
START_HELP = "Press **Start**. Runs take turns; yours goes on when you close this page, and you can come back to it."
PRESETS = {"quick": "quick", "standard": "standard", "notebook": "notebook"}
PRESETS_HELP = (
    "quick: a look at how it works, too short to learn much; standard: the best recipe known here; notebook: what "
    "notebooks usually do."
)
BASE_MODELS = {
    "minilm": "minilm: 6 layers, 23 M parameters",
    "bert-base-cased": "bert-base-cased: 12 layers, 108 M",
    "bert-base-uncased": "bert-base-uncased: 12 layers, 109 M",
}
DATASETS = {
    "pairs": "pairs: bundled with this program",
    "mrpc": "mrpc: news pairs from GLUE",
    "file": "a file of your own",
}
