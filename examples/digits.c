/* The demonstration: an MLP (784-256-10) learns handwritten digits, its gradient is proven right, its graph is drawn.

   usage: digits DATA OUTPUT [choose]

   With "choose", only the training digits are used, four fifths to learn and one fifth to judge: so the rate, the
   dropout and the number of epochs below were found. DATA holds the four files of MNIST; OUTPUT receives pictures and
   weights. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wengert/wengert.h>

enum { BATCH = 64, EPOCHS = 20, HIDDEN = 256, COLUMNS = 20, SHOWN = 200, PATH = 512 };

typedef struct {
    wg_linear hidden, output;
} mlp;

static mlp mlp_new(wg_context *ctx, int64_t inputs, int64_t hidden, int64_t classes)
{
    return (mlp){
        .hidden = wg_linear_new(ctx, "hidden", inputs, hidden, &(wg_linear_options){.weight = wg_init_he_uniform(0)}),
        .output = wg_linear_new(ctx, "output", hidden, classes, NULL),
    };
}

static wg_tensor forward(const mlp *m, wg_tensor images, wg_tensor (*activation)(wg_tensor))
{
    wg_tensor hidden = activation(wg_linear_apply(&m->hidden, wg_flatten(images)));
    return wg_linear_apply(&m->output, wg_dropout(hidden, 0.1));
}

static double seconds(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static const char *join(char path[PATH], const char *folder, const char *name)
{
    snprintf(path, PATH, "%s/%s", folder, name);
    return path;
}

static wg_dataset *digits_open(wg_context *ctx, const char *folder, const char *which)
{
    char images[PATH], labels[PATH], name[64];
    snprintf(name, sizeof name, "%s-images-idx3-ubyte.gz", which);
    join(images, folder, name);
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte.gz", which);
    join(labels, folder, name);
    return wg_dataset_idx(ctx, images, labels, &(wg_image_options){.scale = 1 / 255.0});
}

/* ---- training ---- */

typedef struct {
    double loss[EPOCHS], accuracy[EPOCHS];
} history;

static double accuracy(wg_context *ctx, const mlp *m, wg_loader *loader)
{
    double right = 0, seen = 0;
    wg_batch batch;
    wg_mode before = wg_set_mode(ctx, WG_EVAL);
    while (wg_loader_next(loader, &batch)) {
        right += (double)batch.size * wg_item(wg_accuracy(forward(m, batch.x, wg_relu), batch.y));
        seen += (double)batch.size;
        wg_clear(ctx);
    }
    wg_set_mode(ctx, before);
    return seen > 0 ? right / seen : 0;
}

/* A bar on a terminal; nothing elsewhere, where the line at the end of the epoch is enough. */
static void show_progress(int epoch, int64_t done, int64_t batches)
{
    if (!isatty(STDOUT_FILENO)) return;
    char bar[31] = "..............................";
    memset(bar, '#', (size_t)(30 * done / batches));
    printf("\r  epoch %2d [%s]", epoch + 1, bar);
    fflush(stdout);
}

static void train(wg_context *ctx, const mlp *m, wg_loader *training, wg_loader *held_out, history *h)
{
    int64_t batches = wg_loader_batches(training);
    wg_optimizer *adam = wg_adam_new(ctx, "*",
                                     &(wg_adam_options){.learning_rate = 2e-3,
                                                        .weight_decay = 1e-2,
                                                        .decay_on = "*/weight",
                                                        .schedule = wg_schedule_cosine(ctx, EPOCHS * batches)});
    for (int epoch = 0; epoch < EPOCHS && !wg_failed(ctx); epoch++) {
        double total = 0;
        wg_batch batch;
        while (wg_loader_next(training, &batch)) {
            wg_tensor loss = wg_cross_entropy(forward(m, batch.x, wg_relu), batch.y, NULL);
            wg_optimizer_step(adam, loss);
            total += wg_item(loss);
            wg_clear(ctx);
            show_progress(epoch, batch.index + 1, batches);
        }
        h->loss[epoch] = total / (double)batches;
        h->accuracy[epoch] = accuracy(ctx, m, held_out);
        printf("%s  epoch %2d  loss %.4f  accuracy on held-out digits %.2f %%\n",
               isatty(STDOUT_FILENO) ? "\r\033[K" : "", epoch + 1, h->loss[epoch], 100 * h->accuracy[epoch]);
        fflush(stdout);
    }
}

/* ---- proof ---- */

/* Checks the gradient of the whole model on a batch, dropout included. */
static double check(wg_context *ctx, const mlp *m, wg_loader *loader)
{
    wg_batch batch;
    wg_loader_next(loader, &batch);
    wg_tensor loss = wg_cross_entropy(forward(m, batch.x, wg_relu), batch.y, NULL);
    wg_gradcheck_report report =
        wg_gradcheck(loss, (wg_list){0}, &(wg_gradcheck_options){.fast = true, .tolerance = 1e-7});
    wg_gradcheck_print(&report, stdout);
    wg_clear(ctx);
    return report.passed ? report.worst_error : NAN;
}

/* A small model without kinks, element by element. */
static double check_smooth(wg_context *ctx)
{
    wg_scope_begin(ctx, "smooth");
    mlp m = mlp_new(ctx, 12, 16, 4);
    wg_scope_end(ctx);
    wg_tensor target = wg_from_i32(ctx, WG_SHAPE(5), (const int32_t[]){0, 3, 1, 2, 3});
    wg_tensor loss = wg_cross_entropy(forward(&m, wg_normal(ctx, WG_SHAPE(5, 12)), wg_tanh), target, NULL);
    wg_gradcheck_report report = wg_gradcheck(loss, (wg_list){0}, NULL);
    wg_gradcheck_print(&report, stdout);
    double worst = report.passed ? 0 : NAN;
    for (size_t i = 0; i < report.listed; i++) worst = fmax(worst, report.leaves[i].worst_error);
    wg_clear(ctx);
    return worst;
}

/* ---- pictures ---- */

static void draw_step(wg_context *ctx, const mlp *m, wg_loader *loader, const char *output)
{
    char path[PATH];
    wg_batch batch;
    wg_loader_next(loader, &batch);
    wg_tensor loss = wg_cross_entropy(forward(m, batch.x, wg_relu), batch.y, NULL);
    wg_tensor gradient = wg_grad(loss, m->hidden.weight);
    wg_draw(WG_LIST(loss, gradient), join(path, output, "graph.svg"), NULL);
    wg_clear(ctx);
}

static void put_curve(FILE *file, const double *values, double low, double high, const char *colour)
{
    fprintf(file, "<polyline fill='none' stroke='%s' stroke-width='2' points='", colour);
    for (int i = 0; i < EPOCHS; i++)
        fprintf(file, "%d,%d ", 60 + 560 * i / (EPOCHS - 1), (int)(270 - 240 * (values[i] - low) / (high - low)));
    fputs("'/>\n", file);
}

/* Loss (left scale, from 0) and accuracy (right scale, 90 to 100 %) by epoch. */
static bool draw_history(const history *h, const char *output)
{
    char path[PATH];
    FILE *file = fopen(join(path, output, "training.svg"), "w");
    if (!file) return false;
    fputs("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 680 310' font-family='Helvetica' font-size='12'>\n"
          "<rect width='680' height='310' fill='white'/>\n",
          file);
    for (int i = 0; i <= 4; i++) {
        int y = 270 - 60 * i;
        fprintf(file, "<line x1='60' x2='620' y1='%d' y2='%d' stroke='#ddd'/>\n", y, y);
        fprintf(file, "<text x='52' y='%d' text-anchor='end' fill='#0b5fa5'>%.3f</text>\n", y + 4, h->loss[0] * i / 4);
        fprintf(file, "<text x='628' y='%d' fill='#b35900'>%d.%d %%</text>\n", y + 4, (900 + 25 * i) / 10, 25 * i % 10);
    }
    for (int i = 0; i < EPOCHS; i += i ? 5 : 4)
        fprintf(file, "<text x='%d' y='288' text-anchor='middle'>%d</text>\n", 60 + 560 * i / (EPOCHS - 1), i + 1);
    fputs("<text x='340' y='305' text-anchor='middle'>epoch</text>\n"
          "<text x='60' y='18' fill='#0b5fa5'>training loss</text>\n"
          "<text x='620' y='18' text-anchor='end' fill='#b35900'>accuracy on held-out digits</text>\n",
          file);
    put_curve(file, h->loss, 0, h->loss[0], "#0b5fa5");
    put_curve(file, h->accuracy, 0.9, 1, "#b35900");
    fputs("</svg>\n", file);
    return fclose(file) == 0;
}

/* Ten digits of 3 x 5 pixels, a row of 3 bits each. */
static const uint8_t font[10][5] = {{7, 5, 5, 5, 7}, {2, 6, 2, 2, 7}, {7, 1, 7, 4, 7}, {7, 1, 7, 1, 7},
                                    {5, 5, 7, 1, 1}, {7, 4, 7, 1, 7}, {7, 4, 7, 5, 7}, {7, 1, 1, 1, 1},
                                    {7, 5, 7, 5, 7}, {7, 5, 7, 1, 7}};

/* Draws a digit below an image, twice as large as the font. */
static void put_digit(float *image, int digit, int left, float ink)
{
    for (int row = 0; row < 10; row++)
        for (int column = 0; column < 6; column++)
            if (font[digit][row / 2] >> (2 - column / 2) & 1) image[(30 + row) * 28 + left + column] = ink;
}

/* The first held-out digits, each with what the network says below; beside it, dark, the truth where that is wrong. */
static void draw_sheet(wg_context *ctx, const mlp *m, wg_dataset *test, const char *output)
{
    static float sheet[SHOWN * 42 * 28], images[SHOWN * 28 * 28];
    int64_t said[SHOWN];
    int32_t truth[SHOWN];
    char path[PATH];
    wg_batch batch;
    wg_set_mode(ctx, WG_EVAL);
    wg_loader_next(wg_loader_new(ctx, test, &(wg_loader_options){.batch = SHOWN}), &batch);
    bool fine = wg_read_i64(wg_argmax(forward(m, batch.x, wg_relu), -1), said, SHOWN) &&
                wg_read_i32(batch.y, truth, SHOWN) && wg_read_f32(batch.x, images, SHOWN * 28 * 28);
    for (int i = 0; fine && i < SHOWN; i++) {
        float *cell = sheet + (size_t)i * 42 * 28;
        bool wrong = said[i] != truth[i];
        for (int k = 0; k < 42 * 28; k++) cell[k] = k < 28 * 28 ? images[i * 28 * 28 + k] : wrong ? 0.8f : 0.15f;
        put_digit(cell, (int)said[i], wrong ? 5 : 11, wrong ? 0 : 1);
        if (wrong) put_digit(cell, truth[i], 17, 0.45f);
    }
    wg_image_save(wg_borrow_f32(ctx, WG_SHAPE(SHOWN, 1, 42, 28), sheet), join(path, output, "predictions.png"),
                  COLUMNS);
    wg_clear(ctx);
}

int main(int argc, char **argv)
{
    bool choose = argc == 4 && strcmp(argv[3], "choose") == 0;
    if (argc != 3 && !choose) return fprintf(stderr, "usage: digits DATA OUTPUT [choose]\n"), EXIT_FAILURE;
    double start = seconds();
    wg_context *ctx = wg_context_new(&(wg_context_options){.seed = 1});
    wg_dataset *train_set = digits_open(ctx, argv[1], "train"), *test_set = digits_open(ctx, argv[1], "t10k");
    if (choose) wg_dataset_split(train_set, 0.8, &train_set, &test_set);
    if (wg_failed(ctx)) return wg_context_close(ctx, stderr);
    wg_loader *training =
        wg_loader_new(ctx, train_set, &(wg_loader_options){.batch = BATCH, .shuffle = true, .shift = 1});
    wg_loader *testing = wg_loader_new(ctx, test_set, &(wg_loader_options){.batch = 250});
    mlp m = mlp_new(ctx, 784, HIDDEN, 10);

    printf("Is the gradient right? The whole model, 16 random directions for each parameter:\n");
    double worst = check(ctx, &m, training);
    printf("A smaller one with tanh, every element:\n");
    double smooth = check_smooth(ctx);
    if (isnan(worst) || isnan(smooth)) return wg_context_close(ctx, stderr), EXIT_FAILURE;

    printf("Training on %lld digits, %d epochs:\n", (long long)wg_dataset_size(train_set), EPOCHS);
    history h = {{0}, {0}};
    train(ctx, &m, wg_loader_new(ctx, train_set, &(wg_loader_options){.batch = BATCH, .shuffle = true, .shift = 1}),
          testing, &h);
    if (wg_failed(ctx)) return wg_context_close(ctx, stderr);
    draw_step(ctx, &m, training, argv[2]);
    draw_sheet(ctx, &m, test_set, argv[2]);
    if (!draw_history(&h, argv[2])) fprintf(stderr, "training.svg cannot be written\n");
    char path[PATH];
    wg_save(ctx, join(path, argv[2], "classifier.safetensors"), "hidden/* output/*");
    if (wg_failed(ctx)) return wg_context_close(ctx, stderr);
    printf("In %s: graph.svg, training.svg, predictions.png, classifier.safetensors\n", argv[2]);
    printf("{\"demo\": \"digits\", \"test_accuracy\": %.4f, \"gradcheck_worst_relative_error\": %.2e, "
           "\"smooth_worst_element_error\": %.2e, \"seconds\": %.1f}\n",
           h.accuracy[EPOCHS - 1], worst, smooth, seconds() - start);
    return wg_context_close(ctx, stderr) || (!choose && h.accuracy[EPOCHS - 1] < 0.97); /* less is a fault */
}
