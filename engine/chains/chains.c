/* Which instructions of a group become chains, and where their code lies. */
#include "engine/chains/chain.h"

#include "base/executable.h"
#include "engine/planted.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- how ---- */

static chains_width possible, chosen;
static pthread_once_t choosing = PTHREAD_ONCE_INIT;

static void choose(void)
{
    const char *compile = getenv("WG_COMPILE"), *set = kernel_instruction_set();
    possible = strcmp(set, "avx512") == 0 ? CHAINS_WIDE : strcmp(set, "avx2") == 0 ? CHAINS_NARROW : CHAINS_NONE;
    if (!executable_allowed()) possible = CHAINS_NONE;
    chosen = compile && strcmp(compile, "0") == 0 ? CHAINS_NONE : possible;
}

chains_width chains_now(void)
{
    pthread_once(&choosing, choose);
    return chosen;
}

bool chains_choose(chains_width width)
{
    pthread_once(&choosing, choose);
    if (width > possible) return false;
    if (width == CHAINS_UNDECIDED)
        choose();
    else
        chosen = width;
    return true;
}

/* ---- which ---- */

static bool may_join(const draft *d)
{
    return d->op && d->in.special == SPECIAL_NONE;
}

/* The end of the longest chain that begins here. What a shorter one would have to write to memory a longer one may
   keep to itself, so one that does not fit says nothing about those after it. */
static size_t find_end(const emission *e, size_t first, chain *c)
{
    size_t best = first;
    for (size_t end = first + 1; end <= e->count && end - first <= MOST_MEMBERS && may_join(&e->drafts[end - 1]); end++)
        if (chain_make(c, e, first, end)) best = end;
    return best;
}

/* Adds an operand of the chain to its drafts: each has places for four. Returns where its address will lie, in bytes
   from the first one's tile on. */
static int32_t carry(draft *drafts, size_t index, const operand *o)
{
    draft *d = &drafts[index / 4];
    size_t k = (index + 3) % 4, place = k == 3 ? offsetof(tile, out) : offsetof(tile, in) + k * sizeof(void *);
    d->operand[k] = *o;
    if (k < 3) d->count = (uint32_t)k + 1;
    return (int32_t)(index / 4 * sizeof(instruction) + place);
}

/* The drafts that carry the chain's operands, instead of those that it does the work of; returns how many. */
static size_t add_carriers(chain *c, draft *drafts, extent over)
{
    size_t count = 0;
    for (int i = 0; i < c->stream_count; i++) c->streams[i].address = carry(drafts, count++, c->streams[i].from);
    for (int i = 0; i < c->constant_count; i++)
        if (c->constants[i].from) c->constants[i].address = carry(drafts, count++, c->constants[i].from);
    for (int i = 0; i < c->sum_count; i++) c->sums[i].address = carry(drafts, count++, c->sums[i].to);
    count = (count + 3) / 4;
    for (size_t i = 0; i < count; i++)
        drafts[i].in = (instruction){.extent = (uint8_t)over, .special = i ? SPECIAL_CHAINED : SPECIAL_NONE};
    return count;
}

static bool form_chain(emission *e, size_t first, size_t end, draft *drafts, size_t *count)
{
    chain *c = bump_new(e->b, 1, sizeof *c);
    bool fine =
        c && bump_grow(e->machine.b, (void **)&e->chains, &e->chain_capacity, e->chain_count + 1, sizeof *e->chains);
    if (!fine || !chain_make(c, e, first, end)) return false;
    size_t carriers = add_carriers(c, drafts + *count, (extent)e->drafts[first].in.extent);
    e->chains[e->chain_count++] = (chained){.chain = c, .first = *count, .count = carriers};
    *count += carriers;
    FIRED(chained);
    return true;
}

bool emit_chains(emission *e)
{
    size_t count = 0;
    chain trial;
    draft *drafts = bump_new(e->b, e->count, sizeof *drafts);
    for (size_t first = 0, end; drafts && chains_now() != CHAINS_NONE && first < e->count; first = end) {
        end = find_end(e, first, &trial);
        if (end < first + 2) {
            end = first + 1;
            drafts[count++] = e->drafts[first];
        } else if (!form_chain(e, first, end, drafts, &count)) {
            return false;
        }
    }
    if (chains_now() == CHAINS_NONE) return true;
    e->drafts = drafts;
    e->count = count;
    return drafts != NULL;
}

bool is_one_chain(const emission *e)
{
    return e->chain_count > e->group_chains && e->chains[e->group_chains].count == e->count;
}

/* ---- the code ---- */

/* A flat chain fetches the next tile of its own streams, spread over its loop. Of rows, which have many short
   instructions, the interpreter fetches it between these. */
static void take_streams(const emission *e, const chained *one)
{
    group_code *g = e->code;
    size_t left = 0;
    if (!g->ahead || !one->chain->flat) return;
    for (size_t i = 0; i < g->stream_count; i++) {
        const stream s = g->streams[i];
        bool mine = s.instruction >= one->first && s.instruction < one->first + one->count &&
                    chain_fetch_ahead(one->chain, &e->drafts[s.instruction].operand[s.operand], s.bytes * g->tile_rows);
        if (!mine) g->streams[left++] = s;
    }
    g->stream_count = left;
}

bool compile_chains(emission *e)
{
    for (size_t i = e->group_chains; i < e->chain_count; i++) {
        chained *one = &e->chains[i];
        take_streams(e, one);
        one->head = &e->code->instructions[one->first];
        one->at = chain_write(one->chain, &e->machine);
    }
    return !e->machine.b->failed;
}

bool chains_seal(emission *e)
{
    plan *p = e->plan;
    char *pages = e->chain_count ? executable_new(e->machine.count) : NULL;
    if (!pages) return e->chain_count == 0;
    memcpy(pages, e->machine.bytes, e->machine.count);
    p->code_bytes = executable_seal(pages, e->machine.count, e->machine.count);
    if (!p->code_bytes) return false;
    p->code = pages;
    for (size_t i = 0; i < e->chain_count; i++) {
        char *begin = pages + e->chains[i].at;
        memcpy(&e->chains[i].head->kernel, &begin, sizeof begin); /* C has no conversion of data to code */
    }
    return true;
}
