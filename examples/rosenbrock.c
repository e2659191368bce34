/* Shows: value, gradient and Hessian of a hand-written function in f64, a product with the Hessian, descent by plain
   assigns, gradient checks of both orders, and the graph as a picture. */
#include <wengert/wengert.h>

/* f(x) = sum over i of 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2,   x: [n] */
static wg_tensor rosenbrock(wg_tensor x)
{
    wg_tensor head = wg_slice(x, 0, 0, -1);
    wg_tensor tail = wg_slice(x, 0, 1, WG_END);
    wg_tensor valley = wg_sub(tail, wg_square(head));
    wg_tensor slope = wg_scalar_sub(1, head);
    return wg_sum(wg_add(wg_mul_scalar(wg_square(valley), 100), wg_square(slope)), WG_ALL);
}

static void inspect(wg_context *ctx, wg_tensor x)
{
    wg_tensor f = rosenbrock(x);
    wg_tensor gradient = wg_grad(f, x);
    wg_tensor v = wg_from_f64(ctx, WG_SHAPE(3), (const double[]){1, -2, 0.5});
    wg_tensor hv = wg_hvp(f, x, v), hessian = wg_hessian(f, x);

    wg_eval(WG_LIST(f, gradient, hv, hessian));
    wg_print(f, stdout, "f");
    wg_print(gradient, stdout, "gradient");
    wg_print(hv, stdout, "Hessian v");
    wg_print(hessian, stdout, "Hessian");

    /* the checker takes the recorded tensor and replays it: no function pointer, no second definition */
    wg_gradcheck_report report = wg_gradcheck(f, WG_LIST(x), &(wg_gradcheck_options){.order = 2});
    wg_gradcheck_print(&report, stdout);

    wg_draw(WG_LIST(f, gradient), "rosenbrock.dot", &(wg_draw_options){.values = true});
    wg_draw(WG_LIST(f, gradient), "rosenbrock.svg", NULL);
    wg_clear(ctx);
}

int main(void)
{
    wg_context *ctx = wg_context_new(&(wg_context_options){.type = WG_F64});
    wg_tensor x = wg_variable(ctx, "x", wg_from_f64(ctx, WG_SHAPE(3), (const double[]){-1.2, 1, 0.5}));
    inspect(ctx, x);

    double value = 1;
    int step = 0;
    for (; step < 50000 && value > 1e-10 && !wg_failed(ctx); step++) {
        wg_tensor f = rosenbrock(x);
        wg_assign(x, wg_sub(x, wg_mul_scalar(wg_grad(f, x), 1e-3)));
        value = wg_item(f); /* one evaluation: value, gradient and the assign */
        wg_clear(ctx);
    }
    double minimum[3] = {0};
    wg_read_f64(x, minimum, 3);
    printf("after %d steps: f = %.3e at (%.6f, %.6f, %.6f)\n", step, value, minimum[0], minimum[1], minimum[2]);
    return wg_context_close(ctx, stderr);
}
