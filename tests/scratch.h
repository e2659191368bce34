/* A folder for one test's files, and contexts whose memory is counted: whatever way a test goes, nothing may be left.
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include "tests/harness.h"

#include <dirent.h>
#include <unistd.h>
#include <wengert/wengert.h>

enum { SCRATCH_PATHS = 8, SCRATCH_PATH = 256 };

static char scratch_folder[64];

/* Removes the folder and all in it. */
static inline void scratch_end(void)
{
    DIR *folder = scratch_folder[0] ? opendir(scratch_folder) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[SCRATCH_PATH + 256];
        snprintf(path, sizeof path, "%s/%s", scratch_folder, entry->d_name);
        if (entry->d_name[0] != '.') unlink(path);
    }
    if (folder) closedir(folder);
    if (scratch_folder[0]) rmdir(scratch_folder);
    scratch_folder[0] = '\0';
}

static inline void scratch_begin(void)
{
    scratch_end(); /* of a test that was left early */
    strcpy(scratch_folder, "/tmp/wengert-XXXXXX");
    cr_assert_not_null(mkdtemp(scratch_folder));
}

/* The path of a file in the folder; valid for the next few calls. */
static inline const char *scratch(const char *name)
{
    static char paths[SCRATCH_PATHS][SCRATCH_PATH];
    static int next;
    char *path = paths[next++ % SCRATCH_PATHS];
    snprintf(path, SCRATCH_PATH, "%s/%s", scratch_folder, name);
    return path;
}

static inline int scratch_files(void)
{
    int count = 0;
    DIR *folder = opendir(scratch_folder);
    for (struct dirent *entry; (entry = readdir(folder));) count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

/* Writes a file and returns its path. */
static inline const char *scratch_write(const char *name, const void *bytes, size_t size)
{
    const char *path = scratch(name);
    remove(path); /* truncating one file over and over makes some file systems wait for the disk each time */
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
    return path;
}

static inline const char *scratch_text(const char *name, const char *text)
{
    return scratch_write(name, text, strlen(text));
}

/* The bytes of a file, to be freed. */
static inline unsigned char *scratch_read(const char *name, size_t *size)
{
    enum { LARGEST = 1 << 20 };
    FILE *file = fopen(scratch(name), "rb");
    cr_assert_not_null(file, "%s is missing", name);
    unsigned char *bytes = malloc(LARGEST);
    *size = fread(bytes, 1, LARGEST, file);
    fclose(file);
    return bytes;
}

/* ---- counted contexts ---- */

static size_t scratch_held;    /* blocks */
static long scratch_left = -1; /* allocations that succeed; negative: all */

static inline void *scratch_allocate(void *user, size_t size)
{
    (void)user;
    if (scratch_left == 0) return NULL;
    if (scratch_left > 0) scratch_left--;
    void *block = aligned_alloc(64, size);
    scratch_held += block != NULL;
    return block;
}

static inline void scratch_release(void *user, void *block, size_t size)
{
    (void)user, (void)size;
    scratch_held--;
    free(block);
}

static inline wg_context *scratch_context_with(wg_context_options options)
{
    options.allocator = (wg_allocator){scratch_allocate, scratch_release, NULL};
    if (!options.threads) options.threads = 1;
    return wg_context_new(&options);
}

static inline wg_context *scratch_context(void)
{
    return scratch_context_with((wg_context_options){.type = WG_F32});
}

/* Frees the context and checks that it was the last holder of memory. */
static inline void scratch_close(wg_context *ctx)
{
    wg_context_free(ctx);
    cr_expect_eq(scratch_held, 0, "%zu blocks leak", scratch_held);
    scratch_held = 0;
}

/* Checks that there is an error of this kind whose text holds `words`, and forgets it. */
static inline void scratch_expect_error(wg_context *ctx, wg_status status, const char *words, const char *what)
{
    cr_expect_eq(wg_error_status(ctx), status, "%s: status %d, not %d: %s", what, (int)wg_error_status(ctx),
                 (int)status, wg_error(ctx));
    cr_expect(strstr(wg_error(ctx), words) != NULL, "%s: \"%s\" does not say \"%s\"", what, wg_error(ctx), words);
    wg_recover(ctx);
}

/* ---- chance ---- */

/* xorshift64*: tests repeat exactly. */
static inline uint64_t scratch_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

/* Changes one to three bytes. */
static inline void scratch_damage(unsigned char *bytes, size_t size, uint64_t *state)
{
    for (uint64_t i = 1 + scratch_random(state) % 3; i > 0; i--) {
        uint64_t bits = scratch_random(state);
        bytes[bits % size] ^= (unsigned char)(1 + (bits >> 40) % 255);
    }
}

/* All examples of a data set as one batch. */
static inline wg_batch scratch_all(wg_context *ctx, wg_dataset *data)
{
    wg_batch batch = {0};
    int64_t size = wg_dataset_size(data);
    wg_loader *loader = wg_loader_new(ctx, data, &(wg_loader_options){.batch = size ? size : 1});
    wg_loader_next(loader, &batch);
    return batch;
}

static inline void expect_values(wg_tensor x, wg_shape shape, const double *expected)
{
    double values[64];
    cr_assert(wg_shape_equal(wg_shape_of(x), shape));
    cr_assert(wg_read_f64(x, values, (size_t)wg_shape_size(shape)));
    for (int64_t i = 0; i < wg_shape_size(shape); i++)
        cr_expect_eq(values[i], expected[i], "value %d is %.17g, not %.17g", (int)i, values[i], expected[i]);
}

static inline void expect_labels(wg_tensor y, int count, const int32_t *expected)
{
    int32_t values[64];
    cr_assert_eq(wg_type_of(y), WG_I32);
    cr_assert(wg_shape_equal(wg_shape_of(y), WG_SHAPE(count)));
    cr_assert(wg_read_i32(y, values, (size_t)count));
    for (int i = 0; i < count; i++) cr_expect_eq(values[i], expected[i], "label %d is %d", i, (int)values[i]);
}

#endif
