"""A run's inside, asked: from a question to its answer as JSON has it."""

import dataclasses
from typing import Any

from qlora_core.evaluation.predictor import Predictor
from qlora_core.inspection.fewer_directions import answer_at_rank, part_right
from qlora_core.inspection.first_step import FIRST_PAIRS, first_steps
from qlora_core.inspection.formats import formats
from qlora_core.inspection.quantized_block import quantized_block
from qlora_core.inspection.questions import (
    AskAtRank,
    AskBlock,
    AskFirstSteps,
    AskFormats,
    AskRankAccuracy,
    AskReadings,
    AskSpectrum,
    InsideQuestion,
)
from qlora_core.inspection.spectrum import adapter_spectrum
from qlora_core.inspection.two_readings import two_readings

DIGITS = 6  #: significant ones that are sent: a picture shows fewer


def inside(predictor: Predictor, question: InsideQuestion) -> Any:
    """The answer to a question, made of lists, dictionaries, numbers and text.

    Raises:
        QLoRAError: there is no such matrix, or a sentence cannot be read.
    """
    found = _found(predictor, question)
    plain = [dataclasses.asdict(one) for one in found] if isinstance(found, list) else dataclasses.asdict(found)
    return _rounded(plain)


def _found(predictor: Predictor, question: InsideQuestion) -> Any:
    match question:
        case AskBlock():
            return quantized_block(predictor, question.layer, question.role, question.block)
        case AskFormats():
            return formats(predictor, question.layer, question.role)
        case AskSpectrum():
            return adapter_spectrum(predictor)
        case AskFirstSteps():
            return first_steps(predictor, *FIRST_PAIRS, steps=question.steps)
        case AskReadings():
            return two_readings(predictor, question.first, question.second)
        case AskAtRank():
            return answer_at_rank(predictor, question.k, (question.first, question.second))
        case AskRankAccuracy():
            return part_right(predictor, question.k, question.start)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value
