/* From a seed to a recipe: its theme, its sizes, and which instructions come. */
#include "tests/fuzz/generate.h"

#include <stdlib.h>
#include <string.h>

/* ---- instructions ---- */

typedef struct {
    int weight;
    void (*propose)(generator *g);
} proposal;

static const proposal proposals[] = {
    {24, propose_unary_row},    {16, propose_binary_row}, {8, propose_scalar_form},
    {5, propose_function},      {4, propose_cast},        {4, propose_where},
    {9, propose_over_axes},     {5, propose_along_axis},  {4, propose_product},
    {2, propose_linear},        {2, propose_loss},        {4, propose_reshape},
    {4, propose_expand},        {4, propose_slice},       {3, propose_pad},
    {4, propose_concat},        {3, propose_gather},      {3, propose_scatter},
    {1, propose_layer_norm},    {1, propose_cell},        {6, propose_gradients},
    {5, propose_assign},        {1, propose_swap},        {1, propose_adam},
    {4, propose_look},          {2, propose_mark},        {4, propose_twin},
    {3, propose_difference},    {5, propose_edge_axes},   {2, propose_product_sum},
    {1, propose_chain},         {1, propose_recurrence},  {1, propose_shared_products},
    {1, propose_sum_over_time}, {2, propose_joints},      {2, propose_equal_numbers},
    {2, propose_moved_twin},    {3, propose_windows},     {3, propose_pool},
    {3, propose_order},         {2, propose_along_index}, {3, propose_dynamic},
    {2, propose_padded},        {2, propose_algebra},     {2, propose_conv},
    {3, propose_checkpoint},    {4, propose_scan},
};

void propose(generator *g)
{
    int total = 0, k = 0;
    for (size_t i = 0; i < sizeof proposals / sizeof *proposals; i++) total += proposals[i].weight;
    for (int at = chance_below(&g->chance, total); at >= proposals[k].weight; k++) at -= proposals[k].weight;
    proposals[k].propose(g);
}

/* ---- themes: what a recipe is mostly about ---- */

typedef enum { SMALL, MEDIUM, LARGE, LONG_ROWS, LINKED } size_class;

typedef struct {
    int weight;
    size_class sizes;
    void (*favourite)(generator *g); /* comes first, and often; NULL: none */
} theme;

static const theme themes[] = {
    {33, SMALL, NULL},
    {14, MEDIUM, propose_edge_axes},
    {3, LARGE, NULL},
    {7, LONG_ROWS, propose_edge_axes},
    {14, LINKED, propose_chain},
    {6, SMALL, propose_recurrence},
    {9, SMALL, propose_shared_products},
    {4, SMALL, propose_sum_over_time},
    {3, SMALL, propose_joints},
    {5, LINKED, propose_adam},
    {3, SMALL, propose_product_sum},
    {8, SMALL, propose_algebra},
    {3, SMALL, propose_conv},
    {6, SMALL, propose_checkpoint},
    {7, SMALL, propose_scan},
};

static const theme *choose_theme(generator *g)
{
    int total = 0, k = 0;
    for (size_t i = 0; i < sizeof themes / sizeof *themes; i++) total += themes[i].weight;
    for (int at = chance_below(&g->chance, total); at >= themes[k].weight; k++) at -= themes[k].weight;
    return &themes[k];
}

static int64_t one_of(generator *g, const int64_t *list, size_t count)
{
    return list[chance_below(&g->chance, (int)count)];
}

#define ONE_OF(g, list) one_of(g, list, sizeof list / sizeof *list)

/* Small ones mostly; some around the lengths at which an engine changes its ways, few of them large. Returns how many
   instructions a segment is to have. */
static int choose_sizes(generator *g, size_class sizes)
{
    static const int64_t edges[] = {255,  256,  256,  257,  511,  512, 512, 513, 514, 1023, 1024, 1024,
                                    1025, 2047, 2048, 2048, 2049, 31,  32,  33,  63,  64,   65,   40};
    static const int64_t long_edges[] = {4095, 4096, 4097, 4100};
    static const int64_t very_long[] = {16384, 16385, 16386, 32768, 40000};
    static const int64_t limit[] = {
        [SMALL] = 1500, [MEDIUM] = 12000, [LARGE] = 200000, [LONG_ROWS] = 200000, [LINKED] = 6000};
    static const uint64_t nodes[] = {[SMALL] = 700, [MEDIUM] = 300, [LARGE] = 80, [LONG_ROWS] = 80, [LINKED] = 500};
    for (int k = 0; k < 4; k++) g->length[k] = 1 + chance_below(&g->chance, k < 2 ? 9 : 4);
    if (chance_of(&g->chance, 0.3)) g->length[2] = 1;
    if (chance_of(&g->chance, 0.2)) g->length[1] = 10 + chance_below(&g->chance, 31);
    if (sizes == MEDIUM) g->length[0] = ONE_OF(g, edges);
    if (sizes == LARGE) {
        g->length[0] = ONE_OF(g, long_edges);
        g->length[1] = 1 + chance_below(&g->chance, 48);
    } else if (sizes == LONG_ROWS) { /* they are reduced in parts */
        g->length[0] = ONE_OF(g, very_long);
        g->length[1] = 2 + chance_below(&g->chance, 3);
        g->length[2] = 1;
    }
    if (chance_of(&g->chance, 0.05)) g->length[3] = 0;
    g->limit = limit[sizes];
    g->nodes = nodes[sizes];
    if (sizes == LINKED && chance_of(&g->chance, 0.1)) g->limit = 40000;
    if (sizes == LONG_ROWS) return 5;
    return sizes == LARGE ? 10 : 4 + chance_below(&g->chance, chance_of(&g->chance, 0.3) ? 50 : 20);
}

static void choose_lasting(generator *g, const theme *t)
{
    recipe *r = g->made;
    bool adam = t->favourite == propose_adam;
    bool alike = adam || chance_of(&g->chance, 0.5); /* they can swap values, or be an optimiser's state */
    r->lasting_count = adam ? 3 + chance_below(&g->chance, 2) : chance_below(&g->chance, LASTING + 1);
    for (int k = 0; k < r->lasting_count; k++) {
        lasting *p = &r->item[k];
        *p = (lasting){.type = r->type, .shape = random_shape(g, 0), .values = chance_bits(&g->chance)};
        p->trainable = chance_of(&g->chance, 0.5);
        if (!p->trainable && !adam && chance_of(&g->chance, 0.3)) p->type = random_type(g, ANY_TYPE);
        if (!alike || k == 0) continue;
        p->shape = r->item[0].shape;
        if (p->type != r->item[0].type) p->trainable = false;
        p->type = r->item[0].type;
    }
}

/* ---- recipes ---- */

static void generate_segment(generator *g, const theme *t, int number, int size)
{
    g->part = &g->made->part[number];
    g->part->count = 0;
    g->wanted = 0;
    g->mark = -1;
    g->regions = g->scans = 0;
    memset(g->slot, 0, sizeof g->slot);
    machine_begin(&g->dry, number, 0);
    for (int k = 0; k < g->made->lasting_count; k++)
        if (chance_of(&g->chance, 0.8)) emit(g, (instruction){.kind = HANDLE, .integer = {k}});
    if (t->favourite) t->favourite(g);
    for (int tries = 0; g->part->count < size && tries < 3 * size; tries++)
        if (g->mark >= 0 && chance_of(&g->chance, 0.1))
            propose_mark(g); /* back to it */
        else if (t->favourite && chance_of(&g->chance, 0.15))
            t->favourite(g);
        else
            propose(g);
    finish_segment(g);
    machine_end(&g->dry);
}

void generate_recipe(uint64_t seed, recipe *made)
{
    generator g = {.chance = seed, .made = made};
    *made = (recipe){.seed = seed, .type = chance_of(&g.chance, 0.7) ? WG_F32 : WG_F64};
    const theme *t = choose_theme(&g);
    int size = choose_sizes(&g, t->sizes);
    if (chance_of(&g.chance, 0.06)) g.fault = (fault_kind)(1 + chance_below(&g.chance, FAULT_RECORDING));
    choose_lasting(&g, t);
    made->segment_count = 1 + chance_of(&g.chance, 0.3);
    made->step_count = 1 + chance_below(&g.chance, STEPS);
    for (int k = 0; k < made->step_count; k++)
        made->turn[k] = k < made->segment_count ? k : chance_below(&g.chance, made->segment_count);
    g.dry = (machine){.out = &g.nothing, .timeless = true};
    if (!machine_open(&g.dry, made, &(wg_context_options){.plain = true, .threads = 1})) abort();
    for (int k = 0; k < made->segment_count; k++) generate_segment(&g, t, k, size);
    machine_close(&g.dry);
    trace_free(&g.nothing);
}
