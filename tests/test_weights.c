/* Saving and loading parameters, and weights that contexts share. */
#include "tests/scratch.h"

#include <signal.h>
#include <sys/resource.h>

typedef struct {
    wg_tensor weight, bias, steps;
} model;

static model model_new(wg_context *ctx, double value)
{
    model m;
    wg_scope_begin(ctx, "layer");
    m.weight = wg_parameter(ctx, "weight", WG_SHAPE(2, 3), wg_init_constant(value));
    m.bias = wg_parameter(ctx, "bias", WG_SHAPE(3), wg_init_constant(-value));
    wg_scope_end(ctx);
    m.steps = wg_variable(ctx, "steps", wg_from_i32(ctx, WG_SHAPE(1), (int32_t[]){(int32_t)value}));
    return m;
}

/* Checks that all values of a tensor are one number. */
static void expect_all(wg_tensor x, double expected)
{
    double values[16];
    size_t count = (size_t)wg_size(x);
    cr_assert(wg_read_f64(x, values, count), "%s", wg_error(x.context));
    for (size_t i = 0; i < count; i++) cr_expect_eq(values[i], expected, "%g is not %g", values[i], expected);
}

static void expect_model(const model *m, double value)
{
    int32_t steps;
    expect_all(m->weight, value);
    expect_all(m->bias, -value);
    cr_assert(wg_read_i32(m->steps, &steps, 1));
    cr_expect_eq(steps, (int32_t)value);
}

/* Saves a model of this value as "m". */
static void save_model(wg_type type, double value)
{
    wg_context *ctx = scratch_context_with((wg_context_options){.type = type});
    model_new(ctx, value);
    cr_assert(wg_save(ctx, scratch("m"), NULL), "%s", wg_error(ctx));
    scratch_close(ctx);
}

/* ---- saving ---- */

Test(save, bytes_of_the_file)
{
    static const char header[] = "{\"__metadata__\":{\"format\":\"wengert\",\"draws\":\"0\"},"
                                 "\"layer.bias\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]},"
                                 "\"layer.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[12,36]},"
                                 "\"steps\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[36,40]}}";
    scratch_begin();
    save_model(WG_F32, 5);
    size_t size, length = (sizeof header - 1 + 7) / 8 * 8;
    unsigned char *file = scratch_read("m", &size);
    cr_assert_eq(size, 8 + length + 40);
    cr_expect_eq(file[0] + 256 * file[1], (int)length);
    cr_expect(memcmp(file + 8, header, sizeof header - 1) == 0, "%.*s", (int)length, (char *)file + 8);
    for (size_t i = sizeof header - 1; i < length; i++) cr_expect_eq(file[8 + i], ' ');
    float first, last;
    int32_t steps;
    memcpy(&first, file + 8 + length, 4);
    memcpy(&last, file + 8 + length + 32, 4);
    memcpy(&steps, file + 8 + length + 36, 4);
    cr_expect(first == -5 && last == 5 && steps == 5);
    cr_expect_eq(scratch_files(), 1);
    free(file);
    scratch_end();
}

Test(save, patterns_names_and_places)
{
    scratch_begin();
    wg_context *ctx = scratch_context();
    model_new(ctx, 1);
    cr_expect_not(wg_save(ctx, scratch("m"), "nothing*"));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "\"nothing*\"", "a pattern without a match");
    cr_expect_not(wg_save(ctx, scratch("missing/m"), NULL));
    scratch_expect_error(ctx, WG_IO, "cannot be written", "a missing folder");
    cr_expect_not(wg_save(ctx, scratch_folder, NULL));
    scratch_expect_error(ctx, WG_IO, "not an ordinary file", "a folder");
    cr_expect_not(wg_save(ctx, NULL, NULL));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "no path", "no path");
    cr_expect_not(wg_save(NULL, scratch("m"), NULL));
    cr_expect_eq(scratch_files(), 0);
    wg_parameter(ctx, "odd \"\\\n\xc3\xa9", WG_SHAPE(1), wg_init_zeros());
    cr_expect(wg_save(ctx, scratch("m"), "odd*"), "%s", wg_error(ctx));
    cr_expect(wg_load(ctx, scratch("m"), &(wg_load_options){.pattern = "odd*"}), "%s", wg_error(ctx));
    wg_parameter(ctx, "layer.bias", WG_SHAPE(3), wg_init_zeros());
    cr_expect_not(wg_save(ctx, scratch("m"), NULL));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "would have one name", "two names that become one");
    wg_parameter(ctx, "bad \xff", WG_SHAPE(1), wg_init_zeros());
    cr_expect_not(wg_save(ctx, scratch("m"), "bad*"));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "cannot be a name", "a name that is no UTF-8");
    scratch_close(ctx);
    scratch_end();
}

Test(save, pending_assigns_go_along)
{
    scratch_begin();
    wg_context *ctx = scratch_context();
    model m = model_new(ctx, 1);
    wg_assign(m.weight, wg_full(ctx, WG_SHAPE(2, 3), 9));
    cr_assert(wg_save(ctx, scratch("m"), NULL), "%s", wg_error(ctx));
    scratch_close(ctx);
    ctx = scratch_context();
    m = model_new(ctx, 0);
    wg_assign(m.bias, wg_full(ctx, WG_SHAPE(3), 4)); /* comes before what is loaded */
    cr_assert(wg_load(ctx, scratch("m"), NULL), "%s", wg_error(ctx));
    expect_all(m.weight, 9);
    expect_all(m.bias, -1);
    wg_clear(ctx);
    expect_all(m.bias, -1);
    scratch_close(ctx);
    scratch_end();
}

/* A disk that is full, played by a limit on the size of files. */
Test(save, failure_leaves_the_older_file)
{
    scratch_begin();
    save_model(WG_F32, 5);
    wg_context *ctx = scratch_context();
    model m = model_new(ctx, 1);
    struct rlimit before, small;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 64;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool saved = wg_save(ctx, scratch("m"), NULL);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    cr_expect_not(saved);
    scratch_expect_error(ctx, WG_IO, "cannot be written", "a full disk");
    cr_expect_eq(scratch_files(), 1);
    cr_assert(wg_load(ctx, scratch("m"), NULL), "%s", wg_error(ctx));
    expect_model(&m, 5);
    scratch_close(ctx);
    scratch_end();
}

/* ---- loading ---- */

Test(load, every_pair_of_float_types)
{
    scratch_begin();
    for (wg_type from = WG_F32; from <= WG_F64; from++)
        for (wg_type to = WG_F32; to <= WG_F64; to++) {
            save_model(from, 0.75);
            wg_context *ctx = scratch_context_with((wg_context_options){.type = to});
            model m = model_new(ctx, 3);
            cr_assert(wg_load(ctx, scratch("m"), NULL), "%s", wg_error(ctx));
            cr_expect_eq(wg_type_of(m.weight), to);
            expect_model(&m, 0.75);
            wg_clear(ctx);
            expect_model(&m, 0.75);
            scratch_close(ctx);
        }
    scratch_end();
}

/* More elements than are converted at a time. */
Test(load, long_tensors)
{
    enum { COUNT = 3001 };
    static double values[COUNT], back[COUNT];
    scratch_begin();
    for (int i = 0; i < COUNT; i++) values[i] = i / 8.0 - 100;
    wg_context *ctx = scratch_context();
    wg_variable(ctx, "long", wg_from_f64(ctx, WG_SHAPE(COUNT), values));
    cr_assert(wg_save(ctx, scratch("m"), NULL));
    scratch_close(ctx);
    ctx = scratch_context_with((wg_context_options){.type = WG_F64});
    wg_tensor x = wg_variable(ctx, "long", wg_zeros(ctx, WG_SHAPE(COUNT)));
    cr_assert(wg_load(ctx, scratch("m"), NULL), "%s", wg_error(ctx));
    cr_assert(wg_read_f64(x, back, COUNT));
    cr_expect(memcmp(values, back, sizeof values) == 0);
    scratch_close(ctx);
    scratch_end();
}

Test(load, all_or_nothing)
{
    scratch_begin();
    save_model(WG_F32, 5);
    wg_context *ctx = scratch_context();
    wg_scope_begin(ctx, "layer");
    wg_tensor bias = wg_parameter(ctx, "bias", WG_SHAPE(3), wg_init_constant(2));
    wg_tensor weight = wg_parameter(ctx, "weight", WG_SHAPE(3, 2), wg_init_constant(2));
    wg_scope_end(ctx);
    cr_expect_not(wg_load(ctx, scratch("m"), NULL));
    scratch_expect_error(ctx, WG_BAD_FILE, "holds \"steps\"", "a name that is missing here");
    cr_expect_not(wg_load(ctx, scratch("m"), &(wg_load_options){.partial = true}));
    scratch_expect_error(ctx, WG_BAD_SHAPE, "\"layer/weight\" is [2, 3] there, but [3, 2] here", "another shape");
    expect_all(bias, 2);
    expect_all(weight, 2);
    wg_tensor steps = wg_variable(ctx, "steps", wg_full(ctx, WG_SHAPE(1), 2));
    cr_expect_not(wg_load(ctx, scratch("m"), &(wg_load_options){.pattern = "steps layer/bias"}));
    scratch_expect_error(ctx, WG_BAD_TYPE, "i32 there, but f32 here", "another type");
    expect_all(steps, 2);
    wg_parameter(ctx, "new", WG_SHAPE(1), wg_init_zeros());
    cr_expect_not(wg_load(ctx, scratch("m"), &(wg_load_options){.pattern = "new layer/bias"}));
    scratch_expect_error(ctx, WG_BAD_FILE, "has no \"new\"", "a name that is missing there");
    cr_expect_not(wg_load(ctx, scratch("m"), &(wg_load_options){.pattern = "nobody"}));
    scratch_expect_error(ctx, WG_BAD_ARGUMENT, "\"nobody\"", "a pattern without a match");
    expect_all(bias, 2);
    cr_expect(wg_load(ctx, scratch("m"), &(wg_load_options){.pattern = "layer/bias"}), "%s", wg_error(ctx));
    expect_all(bias, -5);
    expect_all(weight, 2);
    scratch_close(ctx);
    scratch_end();
}

Test(load, partly_with_a_report)
{
    static const char expected[] = ": has no new\n"
                                   ": holds layer.weight, which nothing here is called\n"
                                   ": holds steps, which nothing here is called\n"
                                   ": loaded layer/bias, f32 [3]\n";
    char lines[512] = "", line[256];
    scratch_begin();
    save_model(WG_F32, 5);
    wg_context *ctx = scratch_context();
    wg_tensor bias = wg_parameter(ctx, "layer/bias", WG_SHAPE(3), wg_init_constant(2));
    wg_tensor more = wg_parameter(ctx, "new", WG_SHAPE(1), wg_init_constant(7));
    FILE *report = tmpfile();
    cr_assert(wg_load(ctx, scratch("m"), &(wg_load_options){.partial = true, .report = report}), "%s", wg_error(ctx));
    rewind(report);
    while (fgets(line, sizeof line, report)) strcat(lines, strchr(line, ':') ? strchr(line, ':') : "?");
    fclose(report);
    cr_expect_str_eq(lines, expected);
    expect_all(bias, -5);
    expect_all(more, 7);
    scratch_close(ctx);
    scratch_end();
}

Test(load, random_numbers_go_on)
{
    scratch_begin();
    wg_context *ctx = scratch_context_with((wg_context_options){.seed = 4});
    model_new(ctx, 1);
    double next[2];
    wg_item(wg_uniform(ctx, WG_SCALAR, 0, 1));
    cr_assert(wg_save(ctx, scratch("m"), NULL));
    next[0] = wg_item(wg_uniform(ctx, WG_SCALAR, 0, 1));
    scratch_close(ctx);
    for (int whole = 0; whole < 2; whole++) {
        ctx = scratch_context_with((wg_context_options){.seed = 4});
        model_new(ctx, 0);
        cr_assert(wg_load(ctx, scratch("m"), &(wg_load_options){.pattern = whole ? "*" : "layer/* steps"}));
        next[1] = wg_item(wg_uniform(ctx, WG_SCALAR, 0, 1));
        cr_expect_eq(next[0] == next[1], whole == 1, "draw after loading %s: %g, %g", whole ? "all" : "some", next[0],
                     next[1]);
        scratch_close(ctx);
    }
    scratch_end();
}

Test(load, no_memory)
{
    scratch_begin();
    save_model(WG_F64, 5);
    bool done = false;
    for (long k = 0; !done; k++) {
        cr_assert_lt(k, 200);
        wg_context *ctx = scratch_context();
        model m = model_new(ctx, 1);
        scratch_left = k;
        done = wg_load(ctx, scratch("m"), NULL);
        scratch_left = -1;
        cr_expect_eq(wg_error_status(ctx), done ? WG_OK : WG_OUT_OF_MEMORY, "%s", wg_error(ctx));
        wg_recover(ctx);
        expect_model(&m, done ? 5 : 1);
        scratch_left = k;
        bool saved = wg_save(ctx, scratch("other"), NULL);
        scratch_left = -1;
        cr_expect_eq(wg_error_status(ctx), saved ? WG_OK : WG_OUT_OF_MEMORY, "%s", wg_error(ctx));
        scratch_close(ctx);
    }
    scratch_end();
}

/* ---- shared weights ---- */

Test(weights, two_contexts_and_no_copy)
{
    enum { SIDE = 512 };
    char message[256];
    scratch_begin();
    wg_context *ctx = scratch_context();
    wg_parameter(ctx, "net/large", WG_SHAPE(SIDE, SIDE), wg_init_constant(0.25));
    cr_assert(wg_save(ctx, scratch("m"), NULL));
    scratch_close(ctx);
    wg_weights *weights = wg_weights_open(scratch("m"), message, sizeof message);
    cr_assert_not_null(weights, "%s", message);
    wg_context *both[2];
    wg_tensor large[2];
    for (int i = 0; i < 2; i++) {
        both[i] = scratch_context_with((wg_context_options){.weights = weights});
        large[i] = wg_parameter(both[i], "net/large", WG_SHAPE(SIDE, SIDE), wg_init_zeros());
        cr_expect_lt(wg_context_stats(both[i]).bytes, SIDE * SIDE * sizeof(float));
    }
    wg_weights_close(weights); /* the contexts hold it */
    unlink(scratch("m"));
    for (int i = 0; i < 2; i++) {
        const float *values = wg_values_f32(large[i]);
        cr_assert_not_null(values, "%s", wg_error(both[i]));
        cr_expect_eq((uintptr_t)values % 64, 0);
        cr_expect(values[0] == 0.25f && values[SIDE * SIDE - 1] == 0.25f);
    }
    wg_assign(large[0], wg_zeros(both[0], WG_SHAPE(SIDE, SIDE)));
    cr_expect(wg_failed(both[0]), "shared weights were assigned");
    wg_context_free(both[0]);
    wg_clear(both[1]);
    cr_expect_eq(wg_values_f32(large[1])[7], 0.25f);
    scratch_close(both[1]);
    scratch_end();
}
