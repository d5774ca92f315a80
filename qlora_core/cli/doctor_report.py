"""What the doctor found, in words: as text, and as the JSON that ``doctor --json`` prints."""

from typing import Any

from qlora_core.server.findings import Code, Examination, Finding, Kind

SECTIONS: dict[Kind, str] = {
    "base_model": "base_models",
    "dataset": "datasets",
    "quantization": "quantization",
    "folder": "folders",
}


LENT = (
    "GPUs are lent here, to one run at a time (ZeroGPU): which one cannot be asked before it is; the above is without."
)


def as_json(examination: Examination) -> dict[str, Any]:
    """Every finding in words by section and name, and as a record."""
    words = {
        section: {finding.name: in_words(finding) for finding in examination.findings if finding.kind == kind}
        for kind, section in SECTIONS.items()
    }
    records = [finding.model_dump(mode="json") for finding in examination.findings]
    return {"environment": examination.environment, **words, "findings": records}


def as_text(examination: Examination) -> str:
    """The device, versions, and a line for each finding."""
    environment = examination.environment
    versions = [f"{name} {number}" for name, number in environment["versions"].items()]
    return "\n".join(
        [
            f"{environment['device_name']} ({environment['device']}), {environment['threads']} threads, "
            f"computes in {environment['compute_dtype']}: {environment['compute_dtype_reason']}",
            *([LENT] if environment.get("gpus_are_lent") else []),
            f"Python {environment['python']}, {', '.join(versions)}",
            *(f"{SECTIONS[one.kind]} {one.name}: {in_words(one)}" for one in examination.findings),
        ]
    )


def in_words(finding: Finding) -> str:
    """One finding, without its name."""
    if finding.code == Code.WORKS:
        return "works"
    if finding.code == Code.FAILS:
        return f"does not work here: {finding.error}"
    if not finding.ok:
        return f"not found: {finding.error}"
    pairs = "" if finding.train is None else f"{finding.train} + {finding.validation} pairs, "
    if finding.weights_bytes is not None:
        return f"found: {finding.source}, {finding.weights_bytes / 1e6:.0f} MB, SHA-256 {finding.sha256}"
    return f"found: {pairs}{finding.source}"
