"""A parameter as positions on a rail: from a value to a share of the rail and back, and the steps between values.

Values are in the units of the parameter's kind (millionths for micro), as everywhere else; nothing is rounded in
floating point that the kernel would round otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from llmbm_console.core.parameter_text import parse_value, value_text
from llmbm_protocol.parameters import Parameter

#: Step and coarse step in units of the kind.
STEPS: dict[str, tuple[int, int]] = {
    "temp": (10_000, 100_000),
    "min_p": (5_000, 50_000),
    "top_p": (5_000, 50_000),
    "repeat": (10_000, 100_000),
    "norepeat": (1, 4),
    "max_tokens": (1, 16),
    "seed": (1, 1000),
}


@dataclass(frozen=True, slots=True)
class Scale:
    """The rail of one parameter. `maximum` may be above the table's when the model's context is larger; `end`, where
    the rail ends, is below it when the model has nothing that the values between could mean."""

    parameter: Parameter
    maximum: int
    end: int

    @classmethod
    def of(cls, parameter: Parameter, context: int = 0, vocab: int = 0) -> Scale:
        """The rail for a parameter, given the rows of the model's context and how many tokens it has."""
        maximum = max(parameter.maximum, context) if parameter.bounded_by_context else parameter.maximum
        return cls(parameter, maximum, min(maximum, vocab) if vocab and parameter.name == "top_k" else maximum)

    @property
    def logarithmic(self) -> bool:
        """True for integers of many magnitudes: equal steps on the rail are equal factors."""
        return self.parameter.kind == "integer" and self.end - self.parameter.minimum > 1000

    @property
    def has_rail(self) -> bool:
        """False for seeds: their order means nothing."""
        return self.parameter.kind != "u64"

    def clamp(self, value: int) -> int:
        """The nearest allowed value."""
        return max(self.parameter.minimum, min(self.maximum, value))

    def share(self, value: int) -> float:
        """Where a value lies, 0 to 1."""
        low, high = self.parameter.minimum, self.end
        value = max(low, min(high, value))
        if self.logarithmic:
            return math.log1p(value - low) / math.log1p(high - low)
        return (value - low) / max(1, high - low)

    def value_at(self, share: float) -> int:
        """The value at a place of the rail, on the grid of its steps."""
        share = max(0.0, min(1.0, share))
        low, high = self.parameter.minimum, self.end
        if self.logarithmic:
            return min(high, low + round(math.expm1(share * math.log1p(high - low))))
        step = STEPS.get(self.parameter.name, (1, 1))[0]
        return min(high, low + round(share * (high - low) / step) * step)

    def stepped(self, value: int, steps: int, *, coarse: bool = False) -> int:
        """The value some steps on."""
        if self.logarithmic:
            width = max(1, abs(value) // (4 if coarse else 20))
        else:
            small, large = STEPS.get(self.parameter.name, (1, max(1, (self.end - self.parameter.minimum) // 10)))
            width = large if coarse else small
        return max(self.parameter.minimum, min(max(self.end, value), value + steps * width))

    def text(self, value: int) -> str:
        """The value as the REPL spells it."""
        return value_text(self.parameter, value)

    def parse(self, text: str) -> int:
        """A typed value. Raises ValueError that names the accepted ones."""
        return parse_value(self.parameter, text, self.maximum)
