/* The tile interpreter: runs the instructions of a group tile by tile, so that what they hand to one another stays in
   the first-level cache. */
#include "engine/plan.h"

#include "base/float_mode.h"
#include "engine/planted.h"
#include "ops/rows.h"

#include <math.h>
#include <string.h>

enum { MOST_STREAMS = 64 };

/* ---- one instruction ---- */

static void run_own_kernel(const instruction *in)
{
    const special_work *w = in->work;
    int64_t count = in->tile.rows * in->tile.columns;
    wg_array inputs[3], output = {w->result, {1, {count}}, in->tile.out};
    for (uint32_t k = 0; k < w->count; k++) {
        inputs[k] = (wg_array){w->types[k], {1, {count}}, (void *)(uintptr_t)in->tile.in[k]};
        if (w->singles >> k & 1) inputs[k].shape.rank = 0;
    }
    w->op->kernel[w->types[0]](&(wg_call){w->count, inputs, &output, w->attributes, NULL, NULL});
}

static void copy_rows(const tile *t, size_t element)
{
    for (int64_t r = 0; r < t->rows; r++)
        memcpy((char *)t->out + (size_t)(r * t->out_step) * element,
               (const char *)t->in[0] + (size_t)(r * t->step[0]) * element, (size_t)t->columns * element);
}

static void spread_rows(const tile *t, size_t element)
{
    static const strides repeat = {1, {INT64_MAX}, {0}};
    for (int64_t r = 0; r < t->rows; r++)
        strided_load((char *)t->out + (size_t)(r * t->out_step) * element,
                     (const char *)t->in[0] + (size_t)(r * t->step[0]) * element, &repeat, 0, t->columns, element);
}

/* One part for each row, or for each block of a flat tile: so cut, a total does not depend on the size of tiles. */
static void part_total(const instruction *in, const group_code *g, int64_t first_row)
{
    const special_work *w = in->work;
    tile t = in->tile;
    int64_t part = g->columns ? first_row : first_row / TOTAL_BLOCK, left = t.columns % TOTAL_BLOCK;
    t.out = (char *)t.out + part * (int64_t)w->element;
    if (!g->columns) {
        t.rows = t.columns / TOTAL_BLOCK;
        t.columns = t.step[0] = TOTAL_BLOCK;
    }
    w->kernel(&t);
    if (g->columns || left == 0) return;
    t.in[0] = (const char *)t.in[0] + t.rows * TOTAL_BLOCK * (int64_t)w->element;
    t.out = (char *)t.out + t.rows * (int64_t)w->element;
    t.rows = 1;
    t.columns = left;
    w->kernel(&t);
}

static void run_special(const instruction *in, const group_code *g, int64_t first_row)
{
    const special_work *w = in->work;
    const tile *t = &in->tile;
    int64_t at = in->extent == EXTENT_ROW_VALUES || !g->columns ? first_row : first_row * g->columns;
    switch ((special)in->special) {
    case SPECIAL_COPY:
        copy_rows(t, w->element);
        break;
    case SPECIAL_SPREAD:
        spread_rows(t, w->element);
        break;
    case SPECIAL_LOAD:
        strided_load(t->out, t->in[0], &w->strides, at, t->rows * t->columns, w->element);
        break;
    case SPECIAL_STORE:
        strided_store(t->out, t->in[0], &w->strides, at, t->rows * t->columns, w->element);
        break;
    case SPECIAL_TOTAL:
        part_total(in, g, first_row);
        break;
    case SPECIAL_CHAINED:
        break;
    default:
        run_own_kernel(in);
        break;
    }
}

static void advance(instruction *in)
{
    tile *t = &in->tile;
    for (int k = 0; k < 3; k++) t->in[k] = (const char *)t->in[k] + in->advance[k];
    t->out = (char *)t->out + in->advance[3];
}

/* ---- tiles ---- */

void group_set_extents(const group_code *g, instruction *instructions, int64_t tile_rows)
{
    for (size_t i = 0; i < g->count; i++) {
        tile *t = &instructions[i].tile;
        bool rows = g->columns && instructions[i].extent == EXTENT_ROWS;
        t->rows = rows ? tile_rows : 1;
        t->columns = rows                                                  ? g->columns
                     : g->columns && instructions[i].extent == EXTENT_FLAT ? tile_rows * g->columns
                                                                           : tile_rows;
    }
}

/* Fetches the next tile's memory a little after each instruction: all at once would stall the loads of this one. */
typedef struct prefetch {
    const char *next[MOST_STREAMS];
    int64_t lines[MOST_STREAMS], all, done, line;
    size_t stream, count;
} prefetch;

static void prefetch_begin(prefetch *f, const group_code *g, const instruction *instructions)
{
    f->count = g->stream_count < MOST_STREAMS ? g->stream_count : MOST_STREAMS;
    f->stream = 0;
    f->line = f->done = f->all = 0;
    for (size_t i = 0; i < f->count; i++) {
        const stream *s = &g->streams[i];
        const instruction *in = &instructions[s->instruction];
        f->next[i] = (const char *)(s->operand == 3 ? in->tile.out : in->tile.in[s->operand]) + in->advance[s->operand];
        f->lines[i] = (s->bytes * g->tile_rows + 63) / 64;
        f->all += f->lines[i];
    }
}

static void prefetch_until(prefetch *f, int64_t lines)
{
    for (; f->done < lines && f->stream < f->count; f->done++) {
        __builtin_prefetch(f->next[f->stream] + 64 * f->line, 0, 2);
        if (++f->line < f->lines[f->stream]) continue;
        f->line = 0;
        f->stream++;
    }
}

/* `more`: another tile follows, for which the addresses are advanced. */
static void run_tile(const group_code *g, instruction *instructions, int64_t first_row, bool more)
{
    prefetch f;
    bool ahead = more && g->ahead;
    if (ahead) prefetch_begin(&f, g, instructions);
    for (size_t i = 0; i < g->count; i++) {
        instruction *in = &instructions[i];
        if (in->kernel)
            in->kernel(&in->tile);
        else
            run_special(in, g, first_row);
        if (more) advance(in);
        if (ahead) prefetch_until(&f, f.all * (int64_t)(i + 1) / (int64_t)g->count);
    }
}

/* ---- chunks ---- */

typedef struct running {
    group_code *g;
    char *registers;
    size_t step;
    uint32_t mode;
} running;

static void clear_accumulators(const instruction *in)
{
    const special_work *w = in->work;
    double neutral = w->op == &ops_max ? -INFINITY : w->op == &ops_min ? INFINITY : 0;
    for (int64_t i = 0; i < in->tile.columns; i++)
        if (w->result == WG_F64)
            ((double *)in->tile.out)[i] = neutral;
        else
            ((float *)in->tile.out)[i] = (float)neutral;
}

/* Makes a copy of the instructions begin at a chunk's first tile, with the registers of a thread. */
static void enter_chunk(const group_code *g, instruction *instructions, int64_t chunk, int64_t registers)
{
    int64_t row = chunk * g->chunk_rows;
    for (size_t i = 0; i < g->count; i++) {
        instruction *in = &instructions[i];
        for (int k = 0; k < 3; k++) {
            in->tile.in[k] =
                (const char *)in->tile.in[k] + in->advance[k] * row + (in->registers >> k & 1 ? registers : 0);
            in->advance[k] *= g->tile_rows;
        }
        in->tile.out =
            (char *)in->tile.out + in->advance[3] * row + in->chunk * chunk + (in->registers >> 3 & 1 ? registers : 0);
        in->advance[3] *= g->tile_rows;
    }
}

static void run_chunk(void *argument, int64_t chunk, int thread)
{
    const running *r = argument;
    group_code *g = r->g;
    instruction *instructions = g->instructions;
    if (thread) float_mode_take(r->mode);
    if (g->rows > g->tile_rows) {
        char *own = r->registers + (size_t)thread * r->step;
        instructions = (instruction *)(void *)(own + g->registers);
        memcpy(instructions, g->instructions, g->count * sizeof *instructions);
        enter_chunk(g, instructions, chunk, own - r->registers);
    }
    for (size_t i = 0; i < g->count; i++)
        if (instructions[i].chunk) clear_accumulators(&instructions[i]);
    int64_t end = (chunk + 1) * g->chunk_rows < g->rows ? (chunk + 1) * g->chunk_rows : g->rows;
    for (int64_t row = chunk * g->chunk_rows; row < end; row += g->tile_rows) {
        if (end - row < g->tile_rows) group_set_extents(g, instructions, end - row - PLANTED(12));
        run_tile(g, instructions, row, end - row > g->tile_rows);
    }
}

/* ---- reductions that end with the group ---- */

/* Sums parts in pairs, pairs of pairs and so on; the result is in the first. */
static void sum_parts(double *parts, int64_t count, int64_t size)
{
    for (int64_t width = 1; width < count; width *= 2)
        for (int64_t k = 0; k + width < count; k += 2 * width)
            for (int64_t c = 0; c < size; c++) parts[k * size + c] += parts[(k + width) * size + c];
}

#define FINISH(T)                                                                                             \
    static double total_##T(const T *parts, int64_t count)                                                    \
    {                                                                                                         \
        double sum = 0;                                                                                       \
        if (count > 64) return total_##T(parts, count / 2) + total_##T(parts + count / 2, count - count / 2); \
        for (int64_t i = 0; i < count; i++) sum += (double)parts[i];                                          \
        return sum;                                                                                           \
    }                                                                                                         \
    static void extreme_##T(const finish *f, T *to)                                                           \
    {                                                                                                         \
        const T *from = f->from;                                                                              \
        T sign = f->op == &ops_max ? 1 : -1;                                                                  \
        for (int64_t c = 0; c < f->count; c++) {                                                              \
            T best = from[c];                                                                                 \
            for (int64_t k = 1; k < f->parts; k++) {                                                          \
                T x = from[k * f->count + c];                                                                 \
                if (x * sign > best * sign || (isnan(x) && !isnan(best))) best = x;                           \
            }                                                                                                 \
            to[c] = best;                                                                                     \
        }                                                                                                     \
    }                                                                                                         \
    static void finish_##T(const finish *f)                                                                   \
    {                                                                                                         \
        T *to = f->to;                                                                                        \
        if (f->op != &ops_sum) {                                                                              \
            extreme_##T(f, to);                                                                               \
        } else if (!f->wide) {                                                                                \
            to[0] = (T)total_##T(f->from, f->parts);                                                          \
        } else {                                                                                              \
            sum_parts(f->from, f->parts, f->count);                                                           \
            for (int64_t c = 0; c < f->count; c++) to[c] = (T)((const double *)f->from)[c];                   \
        }                                                                                                     \
    }

FINISH(float)
FINISH(double)

void group_run(group_code *g, team *t, char *registers, size_t registers_step)
{
    running r = {g, registers, registers_step, float_mode()};
    if (g->singles) {
        for (const single_instruction *i = g->singles, *end = i + g->count; i < end; i++)
            i->run(i->out, i->in[0], i->in[1]);
        return;
    }
    for (int64_t chunk = 0; g->alone && chunk < g->chunks; chunk++) run_chunk(&r, chunk, 0);
    if (!g->alone) team_run(t, run_chunk, &r, g->chunks);
    for (size_t i = 0; i < g->finish_count; i++)
        if (g->finishes[i].type == WG_F32)
            finish_float(&g->finishes[i]);
        else
            finish_double(&g->finishes[i]);
}
