/* Assigns in place: the new value of a parameter may be written where the old one lies, if nothing reads the old one
   afterwards, other elements of it included, and if no later step can fail, for a failed evaluation changes nothing. */
#include "engine/inplace.h"
#include "engine/planted.h"

#include "engine/product_step.h"
#include "ops/rows.h"

/* Whether the item's step may find fault with the values it is given. */
static bool may_fail(const schedule *s, uint32_t at)
{
    const item *it = &s->program->items[s->steps[at].item];
    return !s->steps[at].group && !is_product(it) && it->op != &ops_concat;
}

/* The step after the last one that may fail. */
static uint32_t safe_from(const schedule *s)
{
    uint32_t at = (uint32_t)s->count;
    while (at > 0 && !may_fail(s, at - 1)) at--;
    return at;
}

/* Whether every reader of the leaf has done with an element before the writer comes to it. */
static bool readers_agree(const schedule *s, uint32_t leaf, uint32_t writer)
{
    const program *p = s->program;
    for (uint32_t i = 0; i < p->count; i++) {
        reading r;
        for (uint32_t k = 0; s->step_of[i] && k < p->items[i].count; k++) {
            if (!schedule_read(s, i, k, &r) || r.view->base != leaf) continue;
            if (s->step_of[i] > s->step_of[writer]) return false;
            bool same_step = s->step_of[i] == s->step_of[writer];
            if (same_step && (i > writer || s->roles[i] != ROLE_TILE || r.view->offset != 0 ||
                              !view_contiguous(r.view, r.shape) || p->items[leaf].size != wg_shape_size(*r.shape)))
                return false;
        }
    }
    return true;
}

typedef struct targets {
    uint32_t *leaf;    /* 1 + leaf of each persistent tensor that the program reads */
    uint8_t *assigned; /* how many assigns there are to it */
} targets;

bool storage_in_place(storage *m, const schedule *s, bump *b)
{
    const program *p = s->program;
    uint32_t most = 0, from = safe_from(s);
    for (uint32_t i = 0; i < p->count; i++)
        if (p->items[i].persistent > most) most = p->items[i].persistent;
    targets t = {bump_new(b, most + 1u, sizeof *t.leaf), bump_new(b, most + 1u, 1)};
    if (b->failed) return false;
    for (uint32_t i = 0; i < p->count; i++) {
        const item *it = &p->items[i];
        if (it->persistent && !it->op) t.leaf[it->persistent] = i + 1;
        if (it->op == &graph_assign_op && t.assigned[it->persistent] < 2) t.assigned[it->persistent]++;
    }
    for (uint32_t i = 0; i < p->count; i++) {
        const item *it = &p->items[i];
        if (it->op != &graph_assign_op || t.assigned[it->persistent] != 1 || !t.leaf[it->persistent]) continue;
        uint32_t writer = s->views[i].base, leaf = t.leaf[it->persistent] - 1;
        bool tiles =
            s->roles[writer] == ROLE_TILE && m->kind[writer] == STORED_RESULT && m->in_place[writer] == NO_ITEM;
        if (!tiles || s->step_of[writer] <= from || (!PLANTED(8) && !readers_agree(s, leaf, writer))) continue;
        m->in_place[writer] = leaf;
        FIRED(in_place);
    }
    return true;
}
