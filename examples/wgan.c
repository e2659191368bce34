/* Shows: a Wasserstein GAN with gradient penalty (a gradient inside a loss): two networks, two optimisers chosen
   by name, several critic steps per generator step; a generator step cannot touch the critic's parameters. */
#include <stdlib.h>
#include <wengert/wengert.h>

enum { NOISE = 64, PIXELS = 784, BATCH = 64, CRITIC_STEPS = 5, ROUNDS = 3000 };

typedef struct {
    wg_linear first, second, output;
} network;

static network network_new(wg_context *ctx, const char *name, int64_t inputs, int64_t outputs)
{
    wg_scope_begin(ctx, "%s", name);
    network n = {
        .first = wg_linear_new(ctx, "first", inputs, 256, NULL),
        .second = wg_linear_new(ctx, "second", 256, 256, NULL),
        .output = wg_linear_new(ctx, "output", 256, outputs, NULL),
    };
    wg_scope_end(ctx);
    return n;
}

static wg_tensor hidden(const network *n, wg_tensor x)
{
    x = wg_leaky_relu(wg_linear_apply(&n->first, x));
    return wg_linear_apply(&n->output, wg_leaky_relu(wg_linear_apply(&n->second, x)));
}

static wg_tensor generate(const network *generator, wg_tensor noise) /* [batch, 64] -> [batch, 784] */
{
    return wg_sigmoid(hidden(generator, noise));
}

/* mean of (|d critic / d x| - 1)^2 at points between real and fake (Gulrajani et al. 2017, eq. 3) */
static wg_tensor gradient_penalty(wg_context *ctx, const network *critic, wg_tensor real, wg_tensor fake)
{
    wg_tensor mix = wg_uniform(ctx, WG_SHAPE(wg_dim(real, 0), 1), 0, 1);
    wg_tensor between = wg_add(real, wg_mul(mix, wg_sub(fake, real)));
    wg_tensor slope = wg_grad(wg_sum(hidden(critic, between), WG_ALL), between);
    return wg_mean(wg_square(wg_sub_scalar(wg_norm(slope, WG_AXES(-1)), 1)), WG_ALL);
}

/* usage: wgan [ROUNDS] */
int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;
    wg_context *ctx = wg_context_new(&(wg_context_options){.seed = 1});
    wg_image_options pixels = {.scale = 1 / 255.0};
    wg_dataset *digits = wg_dataset_idx(ctx, "train-images-idx3-ubyte.gz", NULL, &pixels);
    wg_loader_options options = {.batch = BATCH, .shuffle = true, .drop_last = true, .repeat = true};
    wg_loader *loader = wg_loader_new(ctx, digits, &options);

    network generator = network_new(ctx, "generator", NOISE, PIXELS);
    network critic = network_new(ctx, "critic", PIXELS, 1);
    wg_adam_options adam = {.learning_rate = 1e-4, .beta1 = WG_ZERO, .beta2 = 0.9};
    wg_optimizer *generator_adam = wg_adam_new(ctx, "generator/*", &adam);
    wg_optimizer *critic_adam = wg_adam_new(ctx, "critic/*", &adam);
    wg_tensor fixed_noise = wg_variable(ctx, "fixed_noise", wg_normal(ctx, WG_SHAPE(64, NOISE)));

    for (int round = 0; round < rounds && !wg_failed(ctx); round++) {
        double distance = 0;
        for (int k = 0; k < CRITIC_STEPS; k++) {
            wg_batch batch;
            wg_loader_next(loader, &batch);
            wg_tensor real = wg_flatten(batch.x);
            wg_tensor fake = generate(&generator, wg_normal(ctx, WG_SHAPE(BATCH, NOISE)));
            wg_tensor gap = wg_sub(wg_mean(hidden(&critic, real), WG_ALL), wg_mean(hidden(&critic, fake), WG_ALL));
            wg_tensor penalty = gradient_penalty(ctx, &critic, real, fake);
            wg_optimizer_step(critic_adam, wg_sub(wg_mul_scalar(penalty, 10), gap));
            distance = wg_item(gap);
            wg_clear(ctx);
        }
        wg_tensor fake = generate(&generator, wg_normal(ctx, WG_SHAPE(BATCH, NOISE)));
        wg_tensor loss = wg_neg(wg_mean(hidden(&critic, fake), WG_ALL));
        wg_optimizer_step(generator_adam, loss); /* differentiates to generator/... and updates only these */
        if (round == 0) wg_draw(WG_LIST(loss), "generator-step.svg", &(wg_draw_options){.updates = true});
        if (round % 100 == 0) printf("round %4d  distance %.4f  generator %.4f\n", round, distance, wg_item(loss));
        wg_clear(ctx);
    }
    wg_set_mode(ctx, WG_EVAL);
    wg_tensor samples = generate(&generator, fixed_noise);
    wg_image_save(wg_reshape(samples, WG_SHAPE(-1, 1, 28, 28)), "samples.png", 8);
    return wg_context_close(ctx, stderr);
}
