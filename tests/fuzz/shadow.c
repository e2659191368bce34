/* The bounds of element-wise ops, of conversions and of what moves elements. Element-wise rows are the same function in
   every executor, so the ends of an operand's interval bound a monotone result; where an op is not monotone, wide
   intervals count as unknown. A new row is bounded by the cautious rule without a line here. */
#include "tests/fuzz/shadow.h"

#include <float.h>
#include <math.h>
#include <string.h>

static bool is_one_of(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, list[i]) == 0) return true;
    return false;
}

bool shadow_reorders;

#define IS_ONE_OF(name, list) is_one_of(name, list, sizeof list / sizeof *list)

/* ---- what the rules share ---- */

shadow shadow_exact(wg_tensor y)
{
    return (shadow){y, WG_NONE, true};
}

shadow shadow_unknown(wg_tensor y)
{
    wg_type type = is_float(y) ? wg_type_of(y) : WG_BOOL;
    return (shadow){y, wg_full_typed(y.context, type, wg_shape_of(y), is_float(y) ? (double)NAN : 1), false};
}

wg_tensor shadow_error(const shadow *s)
{
    if (!s->exact) return s->error;
    return wg_full_typed(s->x.context, is_float(s->x) ? wg_type_of(s->x) : WG_BOOL, wg_shape_of(s->x), 0);
}

wg_tensor shadow_touched(const shadow *s)
{
    return wg_not_equal_scalar(shadow_error(s), 0); /* NaN, too */
}

wg_tensor shadow_slack(wg_tensor y, double scale)
{
    bool narrow = wg_type_of(y) == WG_F32;
    double eps = narrow ? (double)FLT_EPSILON : DBL_EPSILON, tiny = narrow ? 1e-36 : 1e-300;
    return wg_add_scalar(wg_mul_scalar(wg_abs(y), scale * eps), tiny);
}

wg_tensor shadow_where(wg_tensor touched, wg_tensor error)
{
    return wg_where(touched, error, wg_zeros_like(error));
}

wg_tensor shadow_xor(wg_tensor a, wg_tensor b)
{
    return wg_logical_and(wg_logical_or(a, b), wg_logical_not(wg_logical_and(a, b)));
}

/* Where one of the operands is not exact. */
static wg_tensor any_touched(const shadow *in, size_t count, wg_shape shape)
{
    wg_tensor unknown = WG_NONE;
    for (size_t i = 0; i < count; i++) {
        if (in[i].exact) continue;
        wg_tensor own = is_float(in[i].x) ? shadow_touched(&in[i]) : in[i].error;
        own = wg_expand(own, shape);
        unknown = unknown.context ? wg_logical_or(unknown, own) : own;
    }
    return unknown;
}

/* ---- element-wise ---- */

/* Where even a wide interval is bounded by its ends. */
static const char *const monotone[] = {"neg",  "abs",     "sign",    "square", "exp",  "expm1", "sqrt",   "asin",
                                       "acos", "atan",    "sinh",    "cosh",   "tanh", "erf",   "add",    "sub",
                                       "mul",  "maximum", "minimum", "floor",  "ceil", "round", "sigmoid"};

/* The op at one corner of the operands' intervals: bit i of `corner` is the upper end of operand i. */
static wg_tensor at_corner(const wg_op *op, const shadow *in, size_t count, unsigned corner)
{
    wg_tensor x[4];
    for (size_t i = 0; i < count; i++) {
        x[i] = in[i].x;
        if (!in[i].exact) x[i] = corner >> i & 1 ? wg_add(x[i], in[i].error) : wg_sub(x[i], in[i].error);
    }
    return wg_apply(op, (wg_list){count, x}, NULL);
}

/* Whether a corner is another one's equal, because an operand is exact. */
static bool is_repeated(const shadow *in, size_t count, unsigned corner)
{
    for (size_t i = 0; i < count; i++)
        if (in[i].exact && corner >> i & 1) return true;
    return false;
}

/* The farthest that a corner is from y; for bools, whether one differs. */
static wg_tensor farthest(const wg_op *op, wg_tensor y, const shadow *in, size_t count)
{
    wg_tensor most = WG_NONE;
    for (unsigned corner = 0; corner < 1u << count; corner++) {
        if (is_repeated(in, count, corner)) continue;
        wg_tensor end = at_corner(op, in, count, corner);
        wg_tensor away = op->predicate ? shadow_xor(end, y) : wg_abs(wg_sub(end, y));
        most = !most.context ? away : op->predicate ? wg_logical_or(most, away) : wg_maximum(most, away);
    }
    return most;
}

/* NaN where an operand's interval is too wide for its ends to tell what lies between. */
static wg_tensor narrow_only(wg_tensor error, const shadow *in, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (in[i].exact) continue;
        wg_tensor size = wg_mul_scalar(wg_minimum_scalar(wg_abs(in[i].x), 1), 1.0 / 16);
        wg_tensor narrow = wg_less_equal(in[i].error, size);
        error = wg_where(narrow, error, wg_full_like(error, (double)NAN));
    }
    return error;
}

/* Of comparisons the ends may agree though equality lies between them: unknown where the intervals meet. */
static wg_tensor intervals_meet(const shadow *in)
{
    wg_tensor apart = wg_abs(wg_sub(in[0].x, in[1].x));
    wg_tensor reach = wg_add(shadow_error(&in[0]), shadow_error(&in[1]));
    return wg_logical_not(wg_greater(apart, wg_mul_scalar(reach, 1.01)));
}

/* A weak scalar has rank 0 beside the other operand: its interval is wanted in y's shape. */
static shadow widened(const shadow *s, wg_shape shape)
{
    return (shadow){wg_expand(s->x, shape), s->exact ? WG_NONE : wg_expand(s->error, shape), s->exact};
}

static shadow element_of(const wg_op *op, wg_tensor y, const shadow *operands, size_t count)
{
    shadow in[4];
    wg_shape shape = wg_shape_of(y);
    for (size_t i = 0; i < count; i++) in[i] = widened(&operands[i], shape);
    wg_tensor touched = any_touched(in, count, shape);
    if (!is_float(in[0].x)) return (shadow){y, touched, false};
    if (op->predicate) {
        wg_tensor finite = wg_is_finite(shadow_error(&in[0]));
        wg_tensor unknown =
            count == 2 ? intervals_meet(in) : wg_logical_or(farthest(op, y, in, count), wg_logical_not(finite));
        return (shadow){y, wg_logical_and(touched, unknown), false};
    }
    bool ends_suffice = IS_ONE_OF(op->name, monotone);
    if (op->branch && !ends_suffice) /* it jumps somewhere */
        return (shadow){y, shadow_where(touched, wg_full_like(y, (double)NAN)), false};
    wg_tensor error = wg_add(wg_mul_scalar(farthest(op, y, in, count), 2), shadow_slack(y, 4));
    if (!ends_suffice) error = narrow_only(error, in, count);
    return (shadow){y, shadow_where(touched, error), false};
}

/* A sum of several terms meets each of them in one addition at least. */
static shadow reordered_of(const wg_op *op, wg_tensor y, const shadow *in)
{
    wg_shape shape = wg_shape_of(y);
    bool exact = in[0].exact && in[1].exact;
    wg_tensor sizes = wg_add(wg_abs(wg_expand(in[0].x, shape)), wg_abs(wg_expand(in[1].x, shape)));
    wg_tensor slack = shadow_slack(sizes, 16);
    return (shadow){y, exact ? slack : wg_add(element_of(op, y, in, 2).error, slack), false};
}

/* What tells a zero from its negative. */
static const char *const signed_zeros[] = {"reciprocal", "rsqrt", "div", "atan2", "pow"};

/* Where more or fewer zeros are added up, the sign of a zero is not known. */
static shadow unsigned_of(const wg_op *op, wg_tensor y, const shadow *operands, size_t count)
{
    shadow in[2];
    for (size_t i = 0; i < count; i++) {
        wg_tensor zero = wg_equal_scalar(operands[i].x, 0), error = shadow_error(&operands[i]);
        in[i] = (shadow){operands[i].x, wg_where(zero, wg_add(error, shadow_slack(operands[i].x, 1)), error), false};
    }
    return element_of(op, y, in, count);
}

/* ---- conversions and choices ---- */

static shadow cast_of(wg_tensor y, const shadow *in)
{
    wg_tensor x = in->x;
    wg_type to = wg_type_of(y);
    if (!is_float(x) && !is_float(y)) return (shadow){y, in->error, false};
    if (!is_float(x)) {
        wg_tensor nothing = wg_full_like(y, (double)NAN);
        return (shadow){y, shadow_where(in->error, nothing), false};
    }
    wg_tensor touched = shadow_touched(in);
    if (is_float(y)) {
        wg_tensor error = wg_add(wg_mul_scalar(wg_cast(in->error, to), 2), shadow_slack(y, 4));
        return (shadow){y, shadow_where(touched, error), false};
    }
    if (to == WG_U8) return (shadow){y, touched, false};
    wg_tensor low = wg_cast(wg_sub(x, in->error), to), high = wg_cast(wg_add(x, in->error), to), unknown;
    if (to == WG_BOOL)
        unknown = wg_logical_not(wg_greater(wg_abs(x), in->error));
    else
        unknown = wg_logical_or(wg_not_equal(low, high), wg_logical_not(wg_is_finite(in->error)));
    return (shadow){y, wg_logical_and(touched, unknown), false};
}

static shadow where_of(wg_tensor y, const shadow *in)
{
    wg_tensor error = wg_where(in[0].x, shadow_error(&in[1]), shadow_error(&in[2]));
    if (in[0].exact) return (shadow){y, error, false};
    if (!is_float(y)) return (shadow){y, wg_logical_or(error, in[0].error), false};
    wg_tensor either = wg_maximum(shadow_error(&in[1]), shadow_error(&in[2]));
    either = wg_add(either, wg_abs(wg_sub(in[1].x, in[2].x)));
    either = wg_add(either, shadow_slack(y, 4));
    return (shadow){y, wg_where(in[0].error, either, error), false};
}

/* ---- moves ---- */

static const char *const moves[] = {"permute", "slice", "pad", "flip", "unfold"};
static const char *const placed[] = {"gather", "dynamic_slice", "dynamic_update"};
static const char *const aliases[] = {"reshape", "stop_gradient", "assign", "checkpoint", "barrier"};

static shadow move_of(const wg_op *op, wg_tensor y, const shadow *in, size_t count)
{
    wg_attributes at = wg_attributes_of(y);
    wg_tensor errors[64];
    if (count > sizeof errors / sizeof *errors) return shadow_unknown(y);
    for (size_t i = 0; i < count; i++) errors[i] = shadow_error(&in[i]);
    return (shadow){y, wg_apply(op, (wg_list){count, errors}, &at), false};
}

/* Elements chosen by places, which are the last operand. */
static shadow placed_of(const wg_op *op, wg_tensor y, const shadow *in, size_t count)
{
    wg_attributes at = wg_attributes_of(y);
    wg_tensor errors[3];
    if (!in[count - 1].exact) return shadow_unknown(y);
    for (size_t i = 0; i < count - 1; i++) errors[i] = shadow_error(&in[i]);
    errors[count - 1] = in[count - 1].x;
    return (shadow){y, wg_apply(op, (wg_list){count, errors}, &at), false};
}

shadow shadow_of(const wg_op *op, wg_tensor y, const shadow *in, size_t count)
{
    shadow out;
    if (shadow_sums(op, y, in, &out) || shadow_algebra(op, y, in, count, &out)) return out;
    bool exact = true;
    for (size_t i = 0; i < count; i++) exact &= in[i].exact;
    if (shadow_reorders && is_float(y) && strcmp(op->name, "add") == 0) return reordered_of(op, y, in);
    if (shadow_reorders && is_float(y) && IS_ONE_OF(op->name, signed_zeros)) return unsigned_of(op, y, in, count);
    if (exact) return op->numerics.ulp == -1 ? shadow_unknown(y) : shadow_exact(y); /* a sum that has no rule yet */
    if (op->elementwise) return element_of(op, y, in, count);
    if (strcmp(op->name, "cast") == 0) return cast_of(y, in);
    if (strcmp(op->name, "where") == 0) return where_of(y, in);
    if (strcmp(op->name, "expand") == 0) return (shadow){y, wg_expand(in->error, wg_shape_of(y)), false};
    if (IS_ONE_OF(op->name, aliases) && in->exact) return shadow_exact(y);
    if (IS_ONE_OF(op->name, aliases)) return (shadow){y, wg_reshape(in->error, wg_shape_of(y)), false};
    if (IS_ONE_OF(op->name, placed)) return placed_of(op, y, in, count);
    if (strcmp(op->name, "concat") == 0 || IS_ONE_OF(op->name, moves)) return move_of(op, y, in, count);
    return shadow_unknown(y);
}
