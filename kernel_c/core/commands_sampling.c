/* commands_sampling.c - the sampling settings together; each alone is a value command of the parameter table. */
#include "commands.h"
#include "kernel.h"
#include "report.h"

static bool run_sampling(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    struct command_arguments arguments;
    command_split(rest, length, &arguments);
    if (!command_at_most(&arguments, 0, "/sampling", error))
        return false;
    for (unsigned i = 0; i < PARAM_COUNT; i++) {
        enum param_id id = (enum param_id)i;
        if ((param_specs[id].flags & PARAM_SAMPLING) == 0)
            continue;
        char value[24];
        struct text text;
        text_init(&text, value, sizeof value);
        param_format(kernel, id, &text);
        text_format(out, "  %-10s %-20s ", param_specs[id].name, value);
        param_range(kernel, id, out);
        text_string(out, "\n");
    }
    return true;
}

/* A preset is a few values set together; what it does not name stays. */
struct preset {
    const char *name, *temp, *min_p, *top_p, *top_k, *norepeat, *repeat;
};

static const struct preset presets[] = {
    {"greedy", "0", "0", "1", "0", "0", "1"},
    {"default", "0.85", "0.05", "0.95", "80", "4", "1.15"},
    {"calm", "0.5", "0.05", "0.9", "40", "4", "1.1"},
    {"wild", "1.2", "0.02", "0.98", "0", "3", "1.15"},
};
#define PRESETS (sizeof presets / sizeof presets[0])

static bool apply_preset(struct kernel *kernel, const struct preset *preset, struct error *error)
{
    const struct {
        enum param_id id;
        const char *value;
    } values[] = {
        {PARAM_TEMP, preset->temp},   {PARAM_MIN_P, preset->min_p},       {PARAM_TOP_P, preset->top_p},
        {PARAM_TOP_K, preset->top_k}, {PARAM_NOREPEAT, preset->norepeat}, {PARAM_REPEAT, preset->repeat},
    };
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (!param_set(kernel, values[i].id, values[i].value, string_length(values[i].value), PARAM_FROM_REPL, error))
            return false;
    }
    return true;
}

static bool run_preset(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    struct command_arguments arguments;
    command_split(rest, length, &arguments);
    if (!command_at_most(&arguments, 1, "/preset", error))
        return false;
    for (unsigned i = 0; i < PRESETS && arguments.count == 1; i++) {
        if (!command_word_is(&arguments, 0, presets[i].name))
            continue;
        if (!apply_preset(kernel, &presets[i], error))
            return false;
        report_text_sampling(kernel, out);
        return true;
    }
    char names[64];
    struct text list;
    text_init(&list, names, sizeof names);
    for (unsigned i = 0; i < PRESETS; i++)
        text_format(&list, "%s%s", i == 0 ? "" : ", ", presets[i].name);
    if (arguments.count == 1)
        return error_set(error, ERROR_RANGE, "preset cannot be \"%.*s\": expected %s", (int)(length > 40 ? 40 : length),
                         rest, names);
    text_format(out, "presets: %s\n", names);
    return true;
}

const struct command commands_sampling[] = {
    {"/sampling", "", "shows all sampling values and their ranges", run_sampling},
    {"/preset", "[name]",
     "sets temp, min_p, top_p, top_k, norepeat and repeat together; without a name lists the presets", run_preset},
    {0},
};
