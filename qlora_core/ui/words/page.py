"""What stands around the tabs."""

TITLE = "QLoRA for BERT"
INTRODUCTION = (
    "# QLoRA for BERT\n"
    "Watch a real BERT, held in 4 bits, learn to tell paraphrases from look-alikes; measure what it gained; take the "
    "adapter home."
)
TRAIN_TAB = "Fine-tune"
RESULTS_TAB = "Results"
COMPARE_TAB = "Compare"
