"""The kernel's parameter table in C (gen/llmk_params.h) and the commented example of its configuration file."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from llmbm_protocol.c_wire import BANNER
from llmbm_protocol.parameters import PARAMETERS, Parameter

_TYPES = """\
enum param_kind {
    PARAM_KIND_MICRO,   /* decimal; values in millionths */
    PARAM_KIND_INTEGER,
    PARAM_KIND_U64,
    PARAM_KIND_FLAG,    /* 0 or 1 */
    PARAM_KIND_CHOICE,  /* value: index of choices */
    PARAM_KIND_NAME,    /* a file name; the numbers mean nothing */
};

enum param_flag {
    PARAM_SAMPLING = 1,           /* one of the sliders */
    PARAM_BOOT_ONLY = 2,          /* read from repl.cfg, no command */
    PARAM_BOUNDED_BY_CONTEXT = 4, /* the maximum is seq_len of the model when that is larger */
    PARAM_HAS_OFF = 8,            /* the value `off` switches it off */
};

struct param_spec {
    const char *name;           /* command without the slash, key in repl.cfg, name on the wire */
    enum param_kind kind;
    uint32_t flags;             /* enum param_flag */
    uint64_t minimum, maximum, initial, off; /* in units of the kind */
    const char *const *choices; /* ends with NULL; NULL for other kinds */
    const char *const *aliases; /* further keys in repl.cfg, ends with NULL; NULL when there are none */
    const char *initial_text;   /* of kind name */
    const char *help;
};
"""


def _list(name: str, words: tuple[str, ...]) -> Iterator[str]:
    items = ", ".join(f'"{word}"' for word in words)
    yield f"static const char *const {name}[] = {{{items}, NULL}};"


def _flags(parameter: Parameter) -> str:
    flags = {
        "PARAM_SAMPLING": parameter.sampling,
        "PARAM_BOOT_ONLY": parameter.boot_only,
        "PARAM_BOUNDED_BY_CONTEXT": parameter.bounded_by_context,
        "PARAM_HAS_OFF": parameter.off is not None,
    }
    return " | ".join(name for name, on in flags.items() if on) or "0"


def _entry(parameter: Parameter) -> Iterator[str]:
    yield f"    [PARAM_{parameter.name.upper()}] = {{"
    yield f'        .name = "{parameter.name}",'
    yield f"        .kind = PARAM_KIND_{parameter.kind.upper()},"
    yield f"        .flags = {_flags(parameter)},"
    yield f"        .minimum = {parameter.minimum}u,"
    yield f"        .maximum = {parameter.maximum}u,"
    yield f"        .initial = {parameter.default}u,"
    yield f"        .off = {parameter.off or 0}u,"
    yield f"        .choices = {f'param_choices_{parameter.name}' if parameter.choices else 'NULL'},"
    yield f"        .aliases = {f'param_aliases_{parameter.name}' if parameter.aliases else 'NULL'},"
    yield f'        .initial_text = "{parameter.default_text}",'
    yield f'        .help = "{parameter.help}",'
    yield "    },"


def params_header() -> str:
    """The whole of llmk_params.h."""
    lines = [
        BANNER, "#ifndef LLMK_PARAMS_GENERATED_H", "#define LLMK_PARAMS_GENERATED_H", "",
        "#include <stddef.h>", "#include <stdint.h>", "", "enum param_id {",
    ]  # fmt: skip
    lines += [f"    PARAM_{parameter.name.upper()}," for parameter in PARAMETERS]
    lines += ["    PARAM_COUNT", "};", "", _TYPES]
    for parameter in PARAMETERS:
        if parameter.choices:
            lines += _list(f"param_choices_{parameter.name}", parameter.choices)
        if parameter.aliases:
            lines += _list(f"param_aliases_{parameter.name}", parameter.aliases)
    lines += ["", "static const struct param_spec param_specs[PARAM_COUNT] = {"]
    for parameter in PARAMETERS:
        lines += _entry(parameter)
    lines += ["};", "", "#endif", ""]
    return "\n".join(lines)


def value_text(parameter: Parameter, value: int) -> str:
    """A value as a person types it: 850000 of kind micro is "0.85"."""
    if parameter.kind == "micro":
        whole, rest = divmod(value, 1_000_000)
        return f"{whole}.{rest:06d}".rstrip("0").rstrip(".") if rest else str(whole)
    if parameter.kind == "choice":
        return parameter.choices[value]
    return parameter.default_text if parameter.kind == "name" else str(value)


def accepted_text(parameter: Parameter) -> str:
    """The accepted values in words."""
    if parameter.kind == "choice":
        return " | ".join(parameter.choices)
    if parameter.kind == "flag":
        return "0 | 1"
    if parameter.kind == "name":
        return "a file name on the boot volume; empty takes the first model found"
    low, high = value_text(parameter, parameter.minimum), value_text(parameter, parameter.maximum)
    text = f"{low} to {high}" + (
        ", or the context of the model when that is larger" if parameter.bounded_by_context else ""
    )
    return text + (f"; {value_text(parameter, parameter.off)} is off" if parameter.off is not None else "")


def config_example() -> str:
    """repl.cfg.example: every key with its meaning, range and default, commented out."""
    lines = [
        "# repl.cfg - read once at boot from the root of the boot volume.",
        "# One `key = value` a line; # and ; begin a comment.",
        "# A line that is wrong is reported and skipped, the others count.",
        "# Every key below is shown with its default: remove the # to change it.",
    ]
    for parameter in PARAMETERS:
        lines.append("")
        lines += textwrap.wrap(f"{parameter.help} ({accepted_text(parameter)})", 110, initial_indent="# ",
                               subsequent_indent="# ")  # fmt: skip
        if parameter.aliases:
            lines.append(f"# also spelt {', '.join(parameter.aliases)}")
        lines.append(f"#{parameter.name} = {value_text(parameter, parameter.default)}".rstrip())
    return "\n".join(lines) + "\n"
