/* The check of a shape rule: it says the same each time, of the sample and of nonsense, gives possible shapes or a
   reason why not, and of the sample such shapes as the op's flags promise. */
#include "autograd/op_check.h"
#include "graph/shape.h"

#include <math.h>
#include <string.h>

enum { REASON = 64, FEW = 8 };

typedef struct answer {
    bool fits;
    wg_array output;
    char reason[REASON + 1]; /* with one byte behind it that nobody may write to */
} answer;

/* Asks the rule about operands without values, the output being told or holding anything. */
static answer ask(const op_check *c, const wg_array *inputs, size_t count, const wg_attributes *attributes,
                  const wg_array *told)
{
    answer a = {.output = *told};
    a.reason[REASON] = 'x';
    wg_call call = {count, inputs, &a.output, attributes, NULL, NULL};
    a.fits = c->op->infer(&call, a.reason, REASON);
    return a;
}

static bool same_output(const wg_array *a, const wg_array *b)
{
    return a->type == b->type && wg_shape_equal(a->shape, b->shape);
}

static const char *array_text(const wg_array *a, char *text, size_t size)
{
    shape_buffer shape;
    snprintf(text, size, "%s %s", wg_type_name(a->type), shape_text(a->shape, &shape));
    return text;
}

/* ---- the sample ---- */

static void check_sample(op_check *c, const wg_array *inputs)
{
    const application *s = &c->at;
    wg_array plain = {WG_DEFAULT, {0}, NULL}, junk = {WG_BOOL, {3, {7, 7, 7}}, NULL};
    char text[256], other[256];
    answer told = ask(c, inputs, s->count, &s->attributes, &s->output);
    if (!told.fits || !same_output(&told.output, &s->output))
        op_check_note(c, "infer gives %s where it gave %s before", array_text(&told.output, text, sizeof text),
                      array_text(&s->output, other, sizeof other));
    if (c->ours) return; /* some are told their type or shape */
    answer first = ask(c, inputs, s->count, &s->attributes, &plain);
    answer second = ask(c, inputs, s->count, &s->attributes, &junk);
    if (!first.fits || !second.fits || !same_output(&first.output, &second.output))
        op_check_note(c, "infer depends on what the output held before");
}

/* ---- nonsense ---- */

/* Whether the answer is one: the same again, possible, or with a reason. */
static bool check_answer(op_check *c, const wg_array *inputs, size_t count, const wg_attributes *attributes)
{
    wg_array plain = {c->ours ? c->at.output.type : WG_DEFAULT, {0}, NULL};
    answer a = ask(c, inputs, count, attributes, &plain), b = ask(c, inputs, count, attributes, &plain);
    char text[256], given[256];
    const char *reason;
    array_text(&inputs[0], given, sizeof given);
    if (a.reason[REASON] != 'x' || !memchr(a.reason, '\0', REASON))
        op_check_note(c, "infer writes beyond its message");
    else if (a.fits != b.fits || (a.fits && !same_output(&a.output, &b.output)))
        op_check_note(c, "infer gives another answer each time for %s", given);
    else if (!a.fits && !a.reason[0])
        op_check_note(c, "infer refuses %s without a reason", given);
    else if (a.fits && (a.output.type <= WG_DEFAULT || a.output.type >= WG_TYPES))
        op_check_note(c, "infer accepts %s and gives no element type: %d", given, (int)a.output.type);
    else if (a.fits && !shape_valid(&a.output.shape, a.output.type, &reason))
        op_check_note(c, "infer accepts %s and gives %s: %s", given, array_text(&a.output, text, sizeof text), reason);
    else
        return true;
    return false;
}

/* Operand `which` replaced (all of them for which = count). */
static bool check_operand(op_check *c, const wg_array *inputs, size_t which, const wg_array *by)
{
    wg_array changed[FEW];
    size_t count = c->at.count;
    for (size_t i = 0; i < count; i++) changed[i] = i == which || which == count ? *by : inputs[i];
    return check_answer(c, changed, count, &c->at.attributes);
}

static bool check_operands(op_check *c, const wg_array *inputs)
{
    static const wg_shape shapes[] = {{0},
                                      {1, {0}},
                                      {1, {1}},
                                      {1, {3}},
                                      {2, {2, 3}},
                                      {2, {0, 5}},
                                      {3, {2, 1, 4}},
                                      {8, {1, 1, 1, 1, 1, 1, 1, 1}},
                                      {8, {2, 2, 2, 2, 2, 2, 2, 2}},
                                      {2, {1 << 20, 1 << 10}}};
    size_t count = c->at.count;
    for (size_t which = 0; which <= count; which++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (wg_type type = WG_F32; type < WG_TYPES; type++)
                if (!check_operand(c, inputs, which, &(wg_array){type, shapes[s], NULL})) return false;
    return true;
}

static void check_attributes(op_check *c, const wg_array *inputs)
{
    static const int64_t integers[] = {0, -1, 1, 7, INT64_MAX, INT64_MIN};
    static const double reals[] = {0, -1, 0.5, 1e300, INFINITY, NAN};
    for (size_t k = 0; k < sizeof integers / sizeof *integers; k++)
        for (int way = 0; way < 3; way++) {
            wg_attributes strange = c->at.attributes;
            for (int i = 0; i < 16 && way != 1; i++) strange.integer[i] = integers[k];
            for (int i = 0; i < 4 && way != 0; i++) strange.real[i] = reals[k];
            if (!check_answer(c, inputs, c->at.count, &strange)) return;
        }
}

/* ---- what flags promise of shapes ---- */

static void check_element_shapes(op_check *c)
{
    const application *a = &c->at;
    for (size_t i = 0; i < a->count; i++)
        if (!wg_shape_equal(a->inputs[i].shape, a->output.shape)) {
            op_check_note(c, "is to be element-wise, but operand %zu has another shape than the result", i);
            return;
        }
    if ((a->output.type == WG_BOOL) != c->op->predicate)
        op_check_note(c, "predicate: set for element-wise ops with a bool result, and only these");
    if (wg_shape_size(a->output.shape) < 2)
        op_check_note(c, "is to be element-wise, but the sample has less than two elements to show it");
}

static void check_row_shapes(op_check *c)
{
    const application *a = &c->at;
    int64_t rows = application_rows(&a->output);
    for (size_t i = 0; i < a->count; i++)
        if (application_rows(&a->inputs[i]) != rows) {
            op_check_note(c, "is to be row-wise, but operand %zu has %lld rows and the result %lld", i,
                          (long long)application_rows(&a->inputs[i]), (long long)rows);
            return;
        }
    if (rows < 2) op_check_note(c, "is to be row-wise, but the sample has less than two rows to show it");
}

void op_check_infer(op_check *c)
{
    if (c->op->elementwise)
        check_element_shapes(c);
    else if (c->op->row_wise)
        check_row_shapes(c);
    wg_array inputs[FEW];
    if (c->at.count > FEW || c->at.count == 0) return;
    for (size_t i = 0; i < c->at.count; i++) inputs[i] = (wg_array){c->at.inputs[i].type, c->at.inputs[i].shape, NULL};
    check_sample(c, inputs);
    if (check_operands(c, inputs) && !c->ours) check_attributes(c, inputs); /* of rows builders see to these */
}
