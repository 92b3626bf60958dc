/* commands_performance.c - budgets. */
#include "commands.h"
#include "kernel.h"
#include "report.h"

/* "auto" is the parameter's 0. */
static bool parse_budget(const struct kernel *kernel, const struct command_arguments *arguments, unsigned index,
                         enum param_id id, struct error *error)
{
    uint64_t value;
    if (command_word_is(arguments, index, "auto"))
        return true;
    if (command_word_is(arguments, index, "0"))
        return error_set(error, ERROR_RANGE, "a budget cannot be 0 cycles; /budget auto learns it");
    return param_parse(kernel, id, arguments->words[index], arguments->lengths[index], &value, error);
}

static bool set_budget(struct kernel *kernel, const struct command_arguments *arguments, unsigned index,
                       enum param_id id, struct error *error)
{
    if (command_word_is(arguments, index, "auto"))
        return param_set(kernel, id, "0", 1, PARAM_FROM_REPL, error);
    return param_set(kernel, id, arguments->words[index], arguments->lengths[index], PARAM_FROM_REPL, error);
}

static void show_budget(const struct kernel *kernel, unsigned index, const char *name, struct text *out)
{
    const struct sentinel_phase_state *phase = &kernel->sentinel.phases[index];
    text_format(out, "  %-8s ", name);
    if (phase->budget == 0)
        text_string(out, "nothing learnt yet");
    else
        text_format(out, "%llu cycles a token, %s", (unsigned long long)phase->budget,
                    phase->pinned ? "pinned" : "learnt");
    text_format(out, "; last pass %llu, %llu %s, %llu over the budget\n", (unsigned long long)phase->last,
                (unsigned long long)phase->passes, phase->passes == 1 ? "pass" : "passes",
                (unsigned long long)phase->overruns);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "decode 2000000": one of the two by its name. */
static bool set_named(struct kernel *kernel, const struct command_arguments *arguments, enum param_id id,
                      struct error *error)
{
    if (arguments->count < 2)
        return error_set(error, ERROR_ARG, "the cycles are missing: /budget %.*s n, or auto to learn them",
                         (int)arguments->lengths[0], arguments->words[0]);
    return parse_budget(kernel, arguments, 1, id, error) && set_budget(kernel, arguments, 1, id, error);
}

/* "p", "p d" or "auto". */
static bool set_by_place(struct kernel *kernel, const struct command_arguments *arguments, struct error *error)
{
    if (arguments->count > 0 && !command_word_is(arguments, 0, "auto") && is_letter(arguments->words[0][0]))
        return error_set(error, ERROR_ARG,
                         "\"%.*s\" is no number of cycles; /budget p d, /budget prefill n, /budget decode n or "
                         "/budget auto",
                         (int)(arguments->lengths[0] > 40 ? 40 : arguments->lengths[0]), arguments->words[0]);
    /* Both are checked before either is set. */
    if (arguments->count > 0 && !parse_budget(kernel, arguments, 0, PARAM_BUDGET_PREFILL, error))
        return false;
    if (arguments->count > 1 && !parse_budget(kernel, arguments, 1, PARAM_BUDGET_DECODE, error))
        return false;
    if (arguments->count > 0 && !set_budget(kernel, arguments, 0, PARAM_BUDGET_PREFILL, error))
        return false;
    bool both_auto = arguments->count == 1 && command_word_is(arguments, 0, "auto");
    return (arguments->count < 2 && !both_auto) ||
           set_budget(kernel, arguments, both_auto ? 0 : 1, PARAM_BUDGET_DECODE, error);
}

static bool run_budget(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    struct command_arguments arguments;
    command_split(rest, length, &arguments);
    if (!command_at_most(&arguments, 2, "/budget", error))
        return false;
    bool done;
    if (command_word_is(&arguments, 0, "prefill"))
        done = set_named(kernel, &arguments, PARAM_BUDGET_PREFILL, error);
    else if (command_word_is(&arguments, 0, "decode"))
        done = set_named(kernel, &arguments, PARAM_BUDGET_DECODE, error);
    else
        done = set_by_place(kernel, &arguments, error);
    if (!done)
        return false;
    show_budget(kernel, 0, "prefill", out);
    show_budget(kernel, 1, "decode", out);
    text_format(out, "  %s\n",
                kernel->sentinel.strict ? "strict: a pass over the budget trips the sentinel"
                                        : "not strict: a pass over the budget is logged (/strict_budget 1 trips)");
    return true;
}

const struct command commands_performance[] = {
    {"/budget", "[p] [d] | prefill|decode n | auto",
     "shows or pins the cycles that a token may take in a prefill and in a decode pass; auto learns them", run_budget},
    {0},
};
