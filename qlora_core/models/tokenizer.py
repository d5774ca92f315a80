"""The tokenizer that comes with a base model, checked against the tables that the model looks its tokens up in."""

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from qlora_core.errors import ModelError
from qlora_core.language import N_
from qlora_core.models.base.folder import read_sizes
from qlora_core.models.catalog import BaseModel
from qlora_core.models.limits import check_max_length

CONFIG_FILE, CASE_LINE = "tokenizer_config.json", '"do_lower_case": false'
#: A vocabulary is taken to be cased from this share of tokens with capital letters on; bert-base-cased has two fifths.
CASED_SHARE = 0.01


def load_tokenizer(base: BaseModel, max_length: int) -> PreTrainedTokenizerBase:
    """The tokenizer of ``base``, for pairs of up to ``max_length`` tokens.

    Raises:
        ConfigError: ``max_length`` is more than the model has positions.
        ModelError: config.json is damaged, the tokenizer gives numbers that the model has no embedding for, or it
            makes small letters of capital ones that its vocabulary has.
    """
    sizes = read_sizes(base.folder)
    check_max_length(max_length, sizes["max_position_embeddings"])
    tokenizer = AutoTokenizer.from_pretrained(base.folder, local_files_only=True, trust_remote_code=False)
    _check_case(base, tokenizer)
    largest, known = max(tokenizer.get_vocab().values()), sizes["vocab_size"]
    if largest >= known:
        raise ModelError(
            N_(
                "The tokenizer of '{name}' numbers its tokens up to {largest}, but the model knows only {known} of "
                "them (vocab_size). They do not belong together: save model and tokenizer into one folder anew."
            ),
            name=base.id,
            largest=largest,
            known=known,
        )
    return tokenizer


def _check_case(base: BaseModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse to lower-case all text for a model that was trained on both: transformers does so unless it is told."""
    tokens = [token for token in tokenizer.get_vocab() if not token.startswith("[")]
    cased = sum(token != token.lower() for token in tokens)
    if cased > CASED_SHARE * len(tokens) and tokenizer.tokenize("A") == tokenizer.tokenize("a"):
        raise ModelError(
            N_(
                "The vocabulary of '{name}' tells capital letters from small ones, but its tokenizer makes all small. "
                "Put {line} into {file} in its folder; if there is no such file, {object} alone."
            ),
            name=base.id,
            line=CASE_LINE,
            file=CONFIG_FILE,
            object="{" + CASE_LINE + "}",
        )
