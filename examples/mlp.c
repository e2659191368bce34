/* Shows: a classifier as a plain struct, loaders, train and eval mode, early stopping written by hand,
   weights saved and loaded by name, and the whole model's gradient checked. */
#include <wengert/wengert.h>

typedef struct {
    wg_linear first, second, output;
} mlp;

static mlp mlp_new(wg_context *ctx)
{
    return (mlp){
        .first = wg_linear_new(ctx, "first", 784, 256, NULL),
        .second = wg_linear_new(ctx, "second", 256, 128, NULL),
        .output = wg_linear_new(ctx, "output", 128, 10, &(wg_linear_options){.weight = wg_init_normal(0.01)}),
    };
}

static wg_tensor forward(const mlp *m, wg_tensor images)
{
    wg_tensor x = wg_flatten(images); /* [batch, 784] */
    x = wg_dropout(wg_relu(wg_linear_apply(&m->first, x)), 0.2);
    x = wg_dropout(wg_relu(wg_linear_apply(&m->second, x)), 0.2);
    return wg_linear_apply(&m->output, x); /* [batch, 10] logits */
}

static double accuracy(wg_context *ctx, const mlp *m, wg_loader *loader)
{
    double right = 0, seen = 0;
    wg_batch batch;
    wg_mode before = wg_set_mode(ctx, WG_EVAL);
    while (wg_loader_next(loader, &batch)) {
        right += (double)batch.size * wg_item(wg_accuracy(forward(m, batch.x), batch.y));
        seen += (double)batch.size;
        wg_clear(ctx);
    }
    wg_set_mode(ctx, before);
    return seen > 0 ? right / seen : 0;
}

int main(void)
{
    wg_context *ctx = wg_context_new(&(wg_context_options){.seed = 7});
    wg_image_options pixels = {.scale = 1 / 255.0};
    wg_dataset *digits = wg_dataset_idx(ctx, "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", &pixels);
    wg_dataset *test = wg_dataset_idx(ctx, "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", &pixels);
    wg_dataset *train, *held_out;
    wg_dataset_split(digits, 0.9, &train, &held_out);
    wg_loader *training = wg_loader_new(ctx, train, &(wg_loader_options){.batch = 64, .shuffle = true});
    wg_loader *validation = wg_loader_new(ctx, held_out, &(wg_loader_options){.batch = 256});
    wg_loader *testing = wg_loader_new(ctx, test, &(wg_loader_options){.batch = 256});

    mlp m = mlp_new(ctx);
    wg_optimizer *adam = wg_adam_new(ctx, "*", &(wg_adam_options){.learning_rate = 1e-3});

    double best = 0;
    for (int epoch = 0, patience = 5; epoch < 50 && patience > 0 && !wg_failed(ctx); epoch++) {
        double total = 0, batches = 0;
        wg_batch batch;
        while (wg_loader_next(training, &batch)) {
            wg_tensor loss = wg_cross_entropy(forward(&m, batch.x), batch.y, NULL);
            if (epoch == 0 && batch.index == 0) {
                wg_gradcheck_report report = wg_gradcheck(loss, (wg_list){0}, &(wg_gradcheck_options){.fast = true});
                wg_gradcheck_print(&report, stdout);
            }
            wg_optimizer_step(adam, loss);
            total += wg_item(loss);
            batches++;
            wg_clear(ctx);
        }
        double now = accuracy(ctx, &m, validation);
        printf("epoch %2d  loss %.4f  validation %.2f %%\n", epoch + 1, total / batches, 100 * now);
        patience--;
        if (now > best && wg_save(ctx, "best.safetensors", "*")) {
            best = now;
            patience = 5;
        }
    }
    wg_load(ctx, "best.safetensors", &(wg_load_options){.report = stdout});
    printf("test %.2f %%\n", 100 * accuracy(ctx, &m, testing));
    return wg_context_close(ctx, stderr);
}
