/* Data: reading files into data sets, walking them in batches, saving weights and pictures. */
#ifndef WENGERT_DATA_H
#define WENGERT_DATA_H

#include <wengert/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- data sets ---- */

/* Examples in memory: inputs of one shape and type, and targets, if there are any. Belongs to its context. */
typedef struct wg_dataset wg_dataset;

typedef struct {
    double scale;  /* pixels are multiplied by this, and ... Default: 1 */
    double offset; /* ... then this is added. Default: 0 */
} wg_image_options;

/* Images and labels in the IDX format of MNIST, plain or gzip-compressed. Images of u8 [count, height, width] become
   inputs [1, height, width] of the context's default type, labels become i32 numbers. `targets` may be NULL. */
WG_API wg_dataset *wg_dataset_idx(wg_context *context, const char *inputs, const char *targets,
                                  const wg_image_options *options);

typedef struct {
    /* The column with the target, a class. If all its fields are whole numbers, each is its own class number; else
       words are numbered in order of appearance. Default: none */
    const char *target;
    bool regression; /* the target is a number of the default type, not a class */
    bool no_header;  /* the first line is data; columns are called "0", "1", ... */
    char separator;  /* Default: ',' */
} wg_csv_options;

/* Numbers in a text file of separated columns, plain or gzip-compressed: inputs [columns]. Decimal point, whatever the
   locale. An empty field or a word outside the target column is an error that names line and column. */
WG_API wg_dataset *wg_dataset_csv(wg_context *context, const char *path, const wg_csv_options *options);

/* Examples that lie in memory already: inputs [count, ...], targets [count, ...] or WG_NONE; the values are copied. */
WG_API wg_dataset *wg_dataset_from(wg_tensor inputs, wg_tensor targets);
/* The first `fraction` of the examples and the rest; both see the same memory. */
WG_API bool wg_dataset_split(wg_dataset *all, double fraction, wg_dataset **first, wg_dataset **rest);
WG_API int64_t wg_dataset_size(const wg_dataset *dataset);
/* The names of a CSV target's classes: how many, and each one. */
WG_API int64_t wg_dataset_classes(const wg_dataset *dataset);
WG_API const char *wg_dataset_class(const wg_dataset *dataset, int64_t index);

/* ---- loaders ---- */

typedef struct wg_loader wg_loader;

typedef struct {
    int64_t batch;  /* examples at a time. Default: 32 */
    bool shuffle;   /* a new order in each pass */
    bool drop_last; /* leave out a last batch that is not full */
    bool pad_last;  /* fill it up with examples from the start; `size` says how many are its own */
    bool repeat;    /* never end: the next pass follows at once */
    uint64_t seed;  /* of the shuffling. Default: the context's seed */
    int64_t shift;  /* move each image by up to this many pixels either way, in both directions. Default: 0 */
} wg_loader_options;

typedef struct {
    wg_tensor x, y; /* [batch, ...] each; y is WG_NONE without targets */
    int64_t size;   /* examples in this batch, padding not counted */
    int64_t index;  /* number of the batch in this pass */
    bool restart;   /* the first of a pass */
} wg_batch;

/* A walk over a data set in batches; belongs to the context. NULL after an error. */
WG_API wg_loader *wg_loader_new(wg_context *context, wg_dataset *dataset, const wg_loader_options *options);
/* The next batch; false at the end of a pass (the call after that starts the next one) and after an error.
   x and y borrow memory of the loader until wg_clear or the wg_rewind that drops them. */
WG_API bool wg_loader_next(wg_loader *loader, wg_batch *batch);
/* Batches in one pass. */
WG_API int64_t wg_loader_batches(const wg_loader *loader);

/* ---- weights ---- */

/* Writes the parameters and variables that match the pattern as safetensors: "encoder/first/weight" is called
   "encoder.first.weight" there. The file appears whole or not at all. The state of the random numbers goes along. */
WG_API bool wg_save(wg_context *context, const char *path, const char *pattern);

typedef struct {
    const char *pattern; /* which parameters and variables to fill. Default: all */
    bool partial;        /* names missing on either side are no error */
    FILE *report;        /* prints what was loaded, and what was missing */
} wg_load_options;

/* Fills parameters and variables from a safetensors file by name; shapes must agree, f32 and f64 are converted. */
WG_API bool wg_load(wg_context *context, const char *path, const wg_load_options *options);

/* Opens a safetensors file as read-only weights that any number of contexts, on any threads, may share (see
   wg_context_options). NULL with a message if it cannot. Closing gives up the caller's hold; the last user frees them.
 */
WG_API wg_weights *wg_weights_open(const char *path, char *message, size_t message_size);
WG_API void wg_weights_close(wg_weights *weights);

/* ---- pictures ---- */

/* Writes images [count, channels, height, width] ([channels, height, width], [height, width]) of 1 or 3 channels with
   values 0 to 1 (u8: 0 to 255) as one sheet of so many columns. The path's suffix chooses the format: .png, .pgm, .ppm.
 */
WG_API bool wg_image_save(wg_tensor images, const char *path, int columns);

#ifdef __cplusplus
}
#endif

#endif
