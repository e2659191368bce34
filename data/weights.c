/* Opening a safetensors file as weights that contexts share. */
#include "graph/weights.h"
#include "data/safetensors.h"

#include <wengert/data.h>

#include <string.h>

/* Copies each tensor to memory of its own: in the file they may lie at any address. */
static bool take_entry(const safetensors *file, const safetensors_entry *from, wg_weights *weights, weights_entry *to,
                       file_fault *fault)
{
    size_t bytes = (size_t)wg_shape_size(from->shape) * wg_type_size(from->type);
    to->type = from->type;
    to->shape = from->shape;
    to->name = memory_string(&weights->memory, from->name);
    to->data = memory_values(&weights->memory, bytes);
    if (!to->name || !to->data) return file_fail_memory(fault, bytes);
    return safetensors_read(file, from, 0, to->data, bytes, "weights", fault);
}

static wg_weights *take_file(const safetensors *file, file_fault *fault)
{
    wg_weights *weights = weights_new(file->count);
    bool done = weights || file_fail_memory(fault, sizeof *weights);
    for (size_t i = 0; done && i < file->count; i++)
        done = take_entry(file, &file->entries[i], weights, &weights->entries[i], fault);
    if (done) return weights;
    weights_release(weights);
    return NULL;
}

wg_weights *wg_weights_open(const char *path, char *message, size_t message_size)
{
    file_fault fault = {0};
    safetensors file;
    memory working; /* for the header: there is no context whose memory to use */
    wg_weights *weights = NULL;
    memory_init(&working, NULL, 0);
    if (safetensors_open(&file, &working, "weights", path, &fault)) {
        weights = take_file(&file, &fault);
        safetensors_close(&file);
    }
    memory_trim(&working);
    if (message && message_size) snprintf(message, message_size, "%s", fault.text);
    return weights;
}

void wg_weights_close(wg_weights *weights)
{
    weights_release(weights);
}
