/* What has been executed, counted: primitives by the library's table, instructions by kind, types, and how many values
   could be compared how. */
#include "engine/planted.h"
#include "tests/fuzz/machine.h"

#include <string.h>

enum { NAMES = 256, RULES_FROM = 20000, LEAST_OF_RULE = 5 };

typedef struct {
    const char *name;
    long count;
} counter;

typedef struct {
    counter item[NAMES];
    int count;
} counters;

static counters primitives, functions;
static long kinds[KINDS], types[WG_TYPES], statuses[WG_UNSUPPORTED + 1];
static long recipes, exact_elements, bounded_elements, unknown_elements;

static void count_name(counters *all, const char *name)
{
    for (int i = 0; i < all->count; i++)
        if (strcmp(all->item[i].name, name) == 0) {
            all->item[i].count++;
            return;
        }
    if (all->count < NAMES) all->item[all->count++] = (counter){name, 1};
}

void coverage_primitive(const char *name)
{
    count_name(&primitives, name);
}

void coverage_recipe(const recipe *r)
{
    recipes++;
    for (int s = 0; s < r->segment_count; s++)
        for (int k = 0; k < r->part[s].count; k++) {
            const instruction *i = &r->part[s].item[k];
            kinds[i->kind]++;
            if (i->name) count_name(&functions, i->name);
        }
}

void coverage_type(wg_type type)
{
    types[type]++;
}

void coverage_element(bool exact, bool known)
{
    exact_elements += exact;
    bounded_elements += !exact && known;
    unknown_elements += !known;
}

void coverage_status(wg_status status)
{
    statuses[status]++;
}

/* One line for each group of counters. */
static void print_counters(FILE *file, const char *title, const counter *item, int count)
{
    fprintf(file, "%s:\n", title);
    for (int i = 0; i < count; i++) fprintf(file, "%12ld %s\n", item[i].count, item[i].name);
}

/* How often each rule of the planner applied, in builds that count it. */
static int planner_counters(counter *item)
{
    int count = 0;
    (void)item;
#ifdef WG_PLANTED
    for (; count < RULES; count++) {
        planner_rule rule = (planner_rule)count;
        item[count] = (counter){planner_rule_name(rule), (long)planner_counted(rule)};
    }
#endif
    return count;
}

static void print_small(FILE *file)
{
    counter item[NAMES];
    int count = 0;
    for (int k = 0; k < KINDS; k++) item[count++] = (counter){kind_name((instruction_kind)k), kinds[k]};
    print_counters(file, "instructions", item, count);
    count = 0;
    for (int k = WG_F32; k < WG_TYPES; k++) item[count++] = (counter){wg_type_name((wg_type)k), types[k]};
    print_counters(file, "values read", item, count);
    static const char *const status[] = {"ok",          "bad argument", "bad shape",  "bad type",      "bad handle",
                                         "no gradient", "overwritten",  "not finite", "out of memory", "io",
                                         "bad file",    "unsupported"};
    count = 0;
    for (int k = 0; k <= WG_UNSUPPORTED; k++) item[count++] = (counter){status[k], statuses[k]};
    print_counters(file, "statuses", item, count);
    const counter elements[] = {
        {"bit for bit", exact_elements}, {"within a bound", bounded_elements}, {"not at all", unknown_elements}};
    print_counters(file, "elements compared", elements, 3);
}

bool coverage_complete(FILE *file)
{
    bool complete = true;
    for (size_t i = 0; i < wg_op_count(); i++) {
        bool found = false;
        for (int k = 0; k < primitives.count; k++) found |= strcmp(primitives.item[k].name, wg_op_at(i)->name) == 0;
        if (!found) fprintf(file, "%s never occurred\n", wg_op_at(i)->name);
        complete &= found;
    }
    counter rule[NAMES];
    int count = recipes >= RULES_FROM ? planner_counters(rule) : 0;
    for (int k = 0; k < count; k++) {
        if (rule[k].count >= LEAST_OF_RULE) continue;
        fprintf(file, "%s applied %ld times only\n", rule[k].name, rule[k].count);
        complete = false;
    }
    return complete;
}

void coverage_print(FILE *file)
{
    fprintf(file, "%ld recipes\n", recipes);
    print_counters(file, "primitives, those of gradients and compositions too", primitives.item, primitives.count);
    print_counters(file, "functions", functions.item, functions.count);
    print_small(file);
    counter item[NAMES];
    int count = planner_counters(item);
    if (count) print_counters(file, "rules of the planner", item, count);
}
