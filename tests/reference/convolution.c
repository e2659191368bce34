/* Convolutions and their adjoints: against loops over the definition, and against what PyTorch computed for 240 random
   ones (tests/golden/convolution.py). Operands are small dyadic numbers, so that sums are exact and compared so. */
#include "tests/reference/reference.h"

typedef struct axis {
    long length, kernel, stride, dilation, low, high, windows;
} axis;

enum { AXES = 3, PROJECTIONS = 7 };

typedef struct convolution {
    int axes;
    long batch, groups, inputs, outputs; /* channels of a group */
    axis axis[AXES];
    long projection[PROJECTIONS]; /* times 1024 */
} convolution;

static naive pattern(wg_shape shape, int64_t seed, int64_t modulus, double scale)
{
    naive a = {.shape = shape};
    cr_assert_leq(naive_size(&a), NAIVE_SIZE);
    for (int64_t i = 0; i < naive_size(&a); i++)
        a.v[i] = (double)((i * 7 + seed * 5 + i / 3) % modulus - modulus / 2) / scale;
    return a;
}

static double project(wg_tensor y, int64_t seed)
{
    naive a = naive_of(y), w = pattern(wg_shape_of(y), seed, 13, 4);
    double sum = 0;
    for (int64_t i = 0; i < naive_size(&w); i++) sum += a.v[i] * w.v[i];
    return sum;
}

/* [first, second, the spatial lengths]; `which` 0: of x, 1: of w, 2: of y. */
static wg_shape shape_of(const convolution *q, int which)
{
    long first = which == 1 ? q->groups * q->outputs : q->batch;
    long second = which == 1 ? q->inputs : q->groups * (which ? q->outputs : q->inputs);
    wg_shape shape = {q->axes + 2, {first, second}};
    for (int i = 0; i < q->axes; i++)
        shape.dim[2 + i] = which == 0 ? q->axis[i].length : which == 1 ? q->axis[i].kernel : q->axis[i].windows;
    return shape;
}

static wg_shape spatial(wg_shape shape)
{
    wg_shape inner = {shape.rank - 2, {0}};
    for (int i = 0; i < inner.rank; i++) inner.dim[i] = shape.dim[2 + i];
    return inner;
}

static wg_conv_window window_of(const convolution *q)
{
    wg_conv_window window = {.groups = q->groups};
    for (int i = 0; i < q->axes; i++) {
        window.stride[i] = q->axis[i].stride;
        window.dilation[i] = q->axis[i].dilation;
        window.low[i] = q->axis[i].low;
        window.high[i] = q->axis[i].high;
    }
    return window;
}

/* ---- the definition ---- */

typedef struct triple {
    naive x, w, y;
} triple;

/* Adds x w to y, c w to gx and x c to gw for every pair of a window and one of its places. */
static void convolve(const convolution *q, const triple *in, triple *out)
{
    for (int64_t at = 0; at < naive_size(&in->y); at++)
        for (int64_t tap = 0; tap < naive_size(&in->w); tap++) {
            int64_t y[WG_MAX_RANK], w[WG_MAX_RANK], x[WG_MAX_RANK];
            naive_index(in->y.shape, at, y);
            naive_index(in->w.shape, tap, w);
            if (w[0] != y[1]) continue;
            x[0] = y[0];
            x[1] = y[1] / q->outputs * q->inputs + w[1];
            bool inside = true;
            for (int i = 0; i < q->axes; i++) {
                x[2 + i] = y[2 + i] * q->axis[i].stride - q->axis[i].low + w[2 + i] * q->axis[i].dilation;
                inside = inside && x[2 + i] >= 0 && x[2 + i] < q->axis[i].length;
            }
            if (!inside) continue;
            int64_t from = naive_place(in->x.shape, x);
            out->y.v[at] += in->x.v[from] * in->w.v[tap];
            out->x.v[from] += in->y.v[at] * in->w.v[tap];
            out->w.v[tap] += in->x.v[from] * in->y.v[at];
        }
}

/* ---- one case ---- */

static void check_projections(const convolution *q, wg_tensor y, wg_tensor x, wg_tensor w, wg_tensor c,
                              wg_tensor transposed, const char *what)
{
    wg_tensor first[2], second[3];
    wg_type type = wg_type_of(x);
    wg_grads(wg_sum(wg_mul(y, c), WG_ALL), WG_LIST(x, w), first);
    naive px = pattern(wg_shape_of(x), 5, 7, 2), pw = pattern(wg_shape_of(w), 6, 7, 2);
    wg_tensor by_x = wg_sum(wg_mul(first[0], tensor_of(x.context, type, &px)), WG_ALL);
    wg_tensor by_w = wg_sum(wg_mul(first[1], tensor_of(x.context, type, &pw)), WG_ALL);
    wg_grads(wg_add(by_x, by_w), WG_LIST(x, w, c), second);
    const wg_tensor found[PROJECTIONS] = {y, first[0], first[1], second[0], second[1], second[2], transposed};
    for (int i = 0; i < PROJECTIONS; i++)
        reference_check(1024 * project(found[i], 8 + i) == (double)q->projection[i],
                        "%s in %s: projection %d is %.17g / 1024, not %ld", what, wg_type_name(type), i,
                        1024 * project(found[i], 8 + i), q->projection[i]);
}

static void check_case(const convolution *q, wg_type type, bool projected, const char *what)
{
    static triple in, out;
    wg_context *ctx = reference_context(type);
    wg_conv_window window = window_of(q);
    in = (triple){pattern(shape_of(q, 0), 1, 17, 8), pattern(shape_of(q, 1), 2, 11, 4),
                  pattern(shape_of(q, 2), 3, 19, 8)};
    out = (triple){{.shape = in.x.shape}, {.shape = in.w.shape}, {.shape = in.y.shape}};
    convolve(q, &in, &out);
    wg_tensor x = tensor_of(ctx, type, &in.x), w = tensor_of(ctx, type, &in.w), c = tensor_of(ctx, type, &in.y);
    wg_tensor y = wg_conv(x, w, &window), transposed = wg_conv_transpose(c, w, spatial(in.x.shape), &window);
    expect_values(y, &out.y, 0, "conv, %s in %s", what, wg_type_name(type));
    expect_values(transposed, &out.x, 0, "conv_transpose, %s in %s", what, wg_type_name(type));
    expect_values(wg_conv_filter(x, c, spatial(in.w.shape), &window), &out.w, 0, "conv_filter, %s in %s", what,
                  wg_type_name(type));
    if (projected) check_projections(q, y, x, w, c, transposed, what);
    cr_expect(!wg_failed(ctx), "%s: %s", what, wg_error(ctx));
    wg_context_free(ctx);
}

/* ---- PyTorch's cases ---- */

static bool read_long(FILE *file, long *number)
{
    return fscanf(file, "%ld", number) == 1;
}

static bool read_case(FILE *file, convolution *q)
{
    long axes;
    *q = (convolution){0};
    if (!read_long(file, &axes)) return false;
    q->axes = (int)axes;
    bool fine = axes >= 1 && axes <= AXES && read_long(file, &q->batch) && read_long(file, &q->groups) &&
                read_long(file, &q->inputs) && read_long(file, &q->outputs);
    for (int i = 0; fine && i < q->axes; i++) {
        axis *a = &q->axis[i];
        long *const numbers[] = {&a->length, &a->kernel, &a->stride, &a->dilation, &a->low, &a->high, &a->windows};
        for (size_t k = 0; fine && k < sizeof numbers / sizeof *numbers; k++) fine = read_long(file, numbers[k]);
    }
    for (int i = 0; fine && i < PROJECTIONS; i++) fine = read_long(file, &q->projection[i]);
    cr_assert(fine, "tests/golden/convolution.txt is broken");
    return true;
}

Test(convolution, agrees_with_pytorch)
{
    FILE *file = fopen("tests/golden/convolution.txt", "r");
    cr_assert_not_null(file, "tests/golden/convolution.txt is missing");
    reference_begin();
    convolution q;
    int cases = 0;
    for (; read_case(file, &q); cases++) {
        char what[32];
        snprintf(what, sizeof what, "case %d", cases);
        check_case(&q, WG_F64, true, what);
        check_case(&q, WG_F32, true, what);
    }
    fclose(file);
    cr_expect_geq(cases, 200);
    reference_end(reference_context(WG_F32), "convolutions of PyTorch");
}

/* ---- the rows ---- */

/* No images, no channels, a window that only padding meets. */
static const convolution rare[] = {
    {2, 0, 1, 2, 3, {{5, 3, 1, 1, 0, 0, 3}, {4, 2, 2, 1, 0, 0, 2}}, {0}},
    {1, 2, 1, 0, 3, {{5, 3, 1, 1, 1, 1, 5}}, {0}},
    {1, 2, 1, 3, 0, {{5, 3, 1, 1, 1, 1, 5}}, {0}},
    {1, 2, 3, 1, 1, {{2, 1, 3, 1, 4, 4, 4}}, {0}},
    {2, 1, 1, 1, 1, {{0, 2, 1, 1, 2, 1, 2}, {3, 1, 1, 1, 0, 0, 3}}, {0}},
    {3, 2, 2, 1, 2, {{3, 2, 1, 1, 0, 1, 3}, {2, 2, 2, 1, 1, 1, 2}, {4, 2, 1, 3, 0, 0, 1}}, {0}},
};

void reference_conv(void)
{
    for (size_t i = 0; i < sizeof rare / sizeof *rare; i++) {
        char what[32];
        snprintf(what, sizeof what, "rare case %zu", i);
        check_case(&rare[i], WG_F64, false, what);
        check_case(&rare[i], WG_F32, false, what);
    }
}

/* Without a size, as few elements as have that many windows; with one, any that has. */
void reference_conv_transpose(void)
{
    wg_context *ctx = reference_context(WG_F64);
    const wg_conv_window window = {.stride = {3}, .low = {1}, .high = {1}};
    naive y = pattern(WG_SHAPE(1, 1, 4), 1, 17, 8), w = pattern(WG_SHAPE(1, 2, 5), 2, 11, 4);
    wg_tensor least = wg_conv_transpose(tensor_of(ctx, WG_F64, &y), tensor_of(ctx, WG_F64, &w), WG_SCALAR, &window);
    reference_check(wg_shape_equal(wg_shape_of(least), WG_SHAPE(1, 2, 12)), "least is %s",
                    shape_name(wg_shape_of(least)));
    for (long more = 0; more < 3; more++) {
        convolution q = {1, 1, 1, 2, 1, {{12 + more, 5, 3, 1, 1, 1, 4}}, {0}};
        check_case(&q, WG_F64, false, "a larger size");
    }
    wg_context_free(ctx);
}

/* As many windows as strides, the odd zero after. */
void reference_conv_filter(void)
{
    static const struct {
        long length, kernel, stride, dilation, low, high, windows;
    } cases[] = {{7, 3, 1, 1, 1, 1, 7},
                 {7, 2, 1, 1, 0, 1, 7},
                 {7, 4, 2, 1, 1, 2, 4},
                 {8, 1, 3, 1, 0, 0, 3},
                 {5, 3, 1, 2, 2, 2, 5}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        convolution q = {1, 1, 1, 1, 2, {{0}}, {0}};
        q.axis[0] = (axis){cases[i].length, cases[i].kernel, cases[i].stride, cases[i].dilation,
                           cases[i].low,    cases[i].high,   cases[i].windows};
        check_case(&q, WG_F64, false, "given paddings");
        wg_context *ctx = reference_context(WG_F64);
        wg_conv_window given = window_of(&q),
                       same = {.stride = {cases[i].stride}, .dilation = {cases[i].dilation}, .same = true};
        naive x = pattern(shape_of(&q, 0), 1, 17, 8), w = pattern(shape_of(&q, 1), 2, 11, 4);
        wg_tensor a = tensor_of(ctx, WG_F64, &x), b = tensor_of(ctx, WG_F64, &w), y = wg_conv(a, b, &same);
        naive want = naive_of(wg_conv(a, b, &given));
        expect_values(y, &want, 0, "same, case %zu", i);
        want = naive_of(wg_conv_filter(a, y, WG_SHAPE(cases[i].kernel), &given));
        expect_values(wg_conv_filter(a, y, WG_SHAPE(cases[i].kernel), &same), &want, 0, "same filter, case %zu", i);
        wg_tensor up = wg_conv_transpose(y, b, WG_SCALAR, &same);
        reference_check(wg_dim(up, 2) == cases[i].windows * cases[i].stride, "same, case %zu, up: %lld", i,
                        (long long)wg_dim(up, 2));
        wg_context_free(ctx);
    }
}
