"""What the parts of a result about machine, base model and pairs are called, by their names in ``result.json``."""

from qlora_core.language import N_

MACHINE = {
    "python": N_("version of Python"),
    "platform": N_("system"),
    "device": N_("device"),
    "device_name": N_("the device's name"),
    "borrowed": N_("share of the borrowed GPU"),
    "compute_dtype": N_("number type of products (compute_dtype)"),
    "compute_dtype_reason": N_("why this number type"),
    "attn_implementation": N_("how attention is computed (attn_implementation)"),
    "threads": N_("threads"),
    "cpu_count": N_("processor cores"),
    "processes": N_("processes"),
}
BASE_MODEL = {
    "id": N_("base model"),
    "source": N_("base model: where it comes from"),
    "hub_id": N_("base model: its name on the hub"),
    "revision": N_("base model: revision"),
    "sha256": N_("base model: SHA-256 of its weights"),
    "files": N_("base model: files, each with its SHA-256"),
    "parameters": N_("base model: parameters"),
}
DATASET = {
    "id": N_("pairs"),
    "source": N_("pairs: where they come from"),
    "revision": N_("pairs: revision"),
    "fingerprint": N_("pairs: digest"),
    "validation_fingerprint": N_("pairs: digest of those for validation"),
    "train": N_("pairs for training"),
    "validation": N_("pairs for validation"),
    "shared": N_("validation pairs one of whose sentences is trained on"),
    "in_both": N_("pairs that are in both splits"),
    "columns": N_("pairs: columns of the file"),
    "labels": N_("pairs: labels of the file"),
    "delimiter": N_("pairs: what separates the file's fields"),
    "quoted": N_("pairs: quotes enclose the file's fields"),
    "train_truncated": N_("pairs for training that were cut off"),
    "validation_truncated": N_("pairs for validation that were cut off"),
}
STARTED_FROM = {
    "run_id": N_("started from run"),
    "dataset": N_("started from: pairs it learned from"),
    "validation": N_("started from: pairs its scores were measured on"),
    "metrics": N_("started from: its scores"),
    "base_model": N_("started from: base model"),
    "base_model_sha256": N_("started from: SHA-256 of the base model's weights"),
    "sha256": N_("started from: SHA-256 of the adapter's weights"),
    "scaling": N_("started from: scale of its adapter"),
}
