/* Shows: a primitive of the user's own (an exponential moving average along the last axis): shape rule, kernels, VJP;
   checked against a naive sum, by the library's own walk over ops, by the gradient checker to second order, and with a
   wrong VJP that must be rejected. */
#include <math.h>
#include <wengert/wengert.h>

/* y[t] = a y[t-1] + (1 - a) x[t], y[-1] = 0, in every row; x, y: [..., time]; a in [0, 1) */
static bool ema_infer(const wg_call *call, char *message, size_t message_size)
{
    double a = call->attributes->real[0];
    const wg_array *x = &call->inputs[0];
    *call->output = (wg_array){.type = x->type, .shape = x->shape};
    if (x->shape.rank >= 1 && a >= 0 && a < 1) return true;
    snprintf(message, message_size, "needs at least one axis and a factor in [0, 1), not %g", a);
    return false;
}

/* row_wise: the engine calls a kernel with any number of whole rows, as [rows, time], contiguous */
static void ema_f32(const wg_call *call)
{
    const float *x = call->inputs[0].data;
    float *y = call->output->data, a = (float)call->attributes->real[0];
    int64_t rows = call->output->shape.dim[0], time = call->output->shape.dim[1];
    for (int64_t r = 0; r < rows; r++, x += time, y += time)
        for (int64_t t = 0; t < time; t++) y[t] = (t ? a * y[t - 1] : 0) + (1 - a) * x[t];
}

static void ema_f64(const wg_call *call)
{
    const double *x = call->inputs[0].data;
    double *y = call->output->data, a = call->attributes->real[0];
    int64_t rows = call->output->shape.dim[0], time = call->output->shape.dim[1];
    for (int64_t r = 0; r < rows; r++, x += time, y += time)
        for (int64_t t = 0; t < time; t++) y[t] = (t ? a * y[t - 1] : 0) + (1 - a) * x[t];
}

static wg_tensor ema(wg_tensor x, double a);

/* the transposed recurrence runs backwards: the same op on the flipped cotangent, so every order exists */
static void ema_vjp(wg_tensor y, wg_tensor cotangent, wg_tensor *gradients)
{
    gradients[0] = wg_flip(ema(wg_flip(cotangent, -1), wg_attributes_of(y).real[0]), -1);
}

static void wrong_vjp(wg_tensor y, wg_tensor cotangent, wg_tensor *gradients) /* forgets to run backwards */
{
    gradients[0] = ema(cotangent, wg_attributes_of(y).real[0]);
}

static wg_tensor ema_sample(wg_context *ctx)
{
    return ema(wg_normal(ctx, WG_SHAPE(3, 5)), 0.9);
}

static const wg_op ema_op = {
    .name = "ema",
    .summary = "y[t] = a y[t-1] + (1 - a) x[t] along the last axis",
    .arity = 1,
    .row_wise = true,
    .infer = ema_infer,
    .kernel = {[WG_F32] = ema_f32, [WG_F64] = ema_f64},
    .vjp = ema_vjp,
    .sample = ema_sample,
};

static wg_tensor ema(wg_tensor x, double a)
{
    return wg_apply(&ema_op, WG_LIST(x), &(wg_attributes){.real = {a}});
}

/* The largest distance from the sum written out. */
static double distance_from_sum(wg_context *ctx)
{
    float x[6] = {1, -2, 0.5f, 3, 0, -1}, y[6];
    if (!wg_read_f32(ema(wg_from_f32(ctx, WG_SHAPE(6), x), 0.7), y, 6)) return INFINITY;
    double worst = 0;
    for (int t = 0; t < 6; t++) {
        double sum = 0;
        for (int s = 0; s <= t; s++) sum += 0.3 * pow(0.7, t - s) * (double)x[s];
        worst = fmax(worst, fabs(sum - (double)y[t]));
    }
    return worst;
}

int main(void)
{
    wg_context *ctx = wg_context_new(NULL);
    bool fine = wg_op_check(ctx, &ema_op, stdout); /* the walk that every row of the library's own table passes */
    double worst = distance_from_sum(ctx);
    printf("against the sum written out: %.1e\n", worst);

    wg_tensor z = wg_normal(ctx, WG_SHAPE(4, 7));
    wg_tensor f = wg_sum(wg_tanh(wg_mul(ema(z, 0.9), wg_sin(z))), WG_ALL);
    wg_gradcheck_report right = wg_gradcheck(f, WG_LIST(z), &(wg_gradcheck_options){.order = 2});
    wg_gradcheck_print(&right, stdout);

    wg_op broken = ema_op; /* an op is plain data: copy it, change one field */
    broken.vjp = wrong_vjp;
    wg_tensor g = wg_sum(wg_square(wg_apply(&broken, WG_LIST(z), &(wg_attributes){.real = {0.9}})), WG_ALL);
    wg_gradcheck_report wrong = wg_gradcheck(g, WG_LIST(z), NULL);
    printf("right rule %s, wrong rule %s\n", right.passed ? "passed" : "FAILED", wrong.passed ? "PASSED" : "rejected");
    bool found = !wg_op_check(ctx, &broken, stdout);
    return wg_context_close(ctx, stderr) || !fine || worst > 1e-6 || !right.passed || wrong.passed || !found;
}
