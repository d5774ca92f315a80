"""The tokenizer that comes with a base model, checked against the tables that the model looks its tokens up in."""

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from qlora_core.errors import ModelError
from qlora_core.models.catalog import BaseModel, read_sizes
from qlora_core.models.limits import check_max_length


def load_tokenizer(base: BaseModel, max_length: int) -> PreTrainedTokenizerBase:
    """The tokenizer of ``base``, for pairs of up to ``max_length`` tokens.

    Raises:
        ConfigError: ``max_length`` is more than the model has positions.
        ModelError: config.json is damaged, or the tokenizer gives numbers that the model has no embedding for.
    """
    sizes = read_sizes(base.folder)
    check_max_length(max_length, sizes["max_position_embeddings"])
    tokenizer = AutoTokenizer.from_pretrained(base.folder, local_files_only=True, trust_remote_code=False)
    largest, known = max(tokenizer.get_vocab().values()), sizes["vocab_size"]
    if largest >= known:
        raise ModelError(
            f"The tokenizer of '{base.id}' numbers its tokens up to {largest}, but the model knows only {known} of "
            "them (vocab_size). They do not belong together: save model and tokenizer into one folder anew."
        )
    return tokenizer
