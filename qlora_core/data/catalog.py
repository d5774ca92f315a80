"""The datasets a run may name. Whatever else it names is a file of pairs."""

from dataclasses import dataclass

from qlora_core.assets import ASSETS
from qlora_core.choices import Choice, table
from qlora_core.language import N_


@dataclass(frozen=True)
class CatalogDataset(Choice):
    """A dataset that is found by its name: bundled, or a part of a dataset on the Hugging Face hub."""

    hub_id: str = ""  #: "" where it is bundled with this program
    revision: str = ""  #: the pinned commit on the hub
    instead: str = ""  #: what to choose where it is missing


DATASETS = table(
    CatalogDataset("pairs", N_("pairs: bundled with this program"), N_("bundled with this program")),
    CatalogDataset(
        "mrpc",
        N_("mrpc: news pairs from GLUE"),
        N_("GLUE's Microsoft Research Paraphrase Corpus, from a folder or the Hugging Face hub"),
        hub_id="nyu-mll/glue",
        revision="bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c",
        instead="pairs",
    ),
)
PAIRS_FOLDER = ASSETS / "pairs"
#: What stands beside them where a visitor may choose a file.
OWN_FILE = Choice("file", N_("a file of your own"), N_("a file of pairs"))
