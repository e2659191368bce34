/* Writing a safetensors file: values in the order of names, the header padded so that they begin at a multiple of 8. */
#include "data/json.h"
#include "data/safetensors_header.h"
#include "graph/weights.h"

#include <stdlib.h>
#include <string.h>

/* Text that is measured first, with `text` NULL, and written the second time. */
typedef struct header_writer {
    char *text;
    size_t length;
} header_writer;

static void put(header_writer *w, const char *bytes)
{
    size_t count = strlen(bytes);
    if (w->text) memcpy(w->text + w->length, bytes, count);
    w->length += count;
}

static void put_number(header_writer *w, uint64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    put(w, digits);
}

/* A name as a JSON string, in the file's writing: '.' for '/'. */
static void put_name(header_writer *w, const char *name)
{
    put(w, "\"");
    for (; *name; name++) {
        char one[8] = {*name == '/' ? '.' : *name};
        if (*name == '"' || *name == '\\')
            snprintf(one, sizeof one, "\\%c", *name);
        else if ((unsigned char)*name < 0x20)
            snprintf(one, sizeof one, "\\u%04x", (unsigned)*name);
        put(w, one);
    }
    put(w, "\"");
}

static size_t bytes_of(const safetensors_item *item)
{
    return (size_t)wg_shape_size(item->shape) * wg_type_size(item->type);
}

static void put_item(header_writer *w, const safetensors_item *item, uint64_t begin)
{
    put(w, ",");
    put_name(w, item->name);
    put(w, ":{\"dtype\":\"");
    put(w, safetensors_type_name(item->type));
    put(w, "\",\"shape\":[");
    for (int i = 0; i < item->shape.rank; i++) {
        if (i) put(w, ",");
        put_number(w, (uint64_t)item->shape.dim[i]);
    }
    put(w, "],\"data_offsets\":[");
    put_number(w, begin);
    put(w, ",");
    put_number(w, begin + bytes_of(item));
    put(w, "]}");
}

static void put_header(header_writer *w, const safetensors_item *items, size_t count, uint64_t draws)
{
    put(w, "{\"__metadata__\":{\"format\":\"wengert\",\"draws\":\"");
    put_number(w, draws);
    put(w, "\"}");
    uint64_t begin = 0;
    for (size_t i = 0; i < count; begin += bytes_of(&items[i++])) put_item(w, &items[i], begin);
    put(w, "}");
    while (w->length % 8) put(w, " ");
}

static int by_name(const void *a, const void *b)
{
    return weights_compare(((const safetensors_item *)a)->name, ((const safetensors_item *)b)->name);
}

static bool check_names(const char *who, const char *path, const safetensors_item *items, size_t count,
                        file_fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        if (!json_valid(items[i].name) || strcmp(items[i].name, "__metadata__") == 0)
            return file_fail(fault, WG_BAD_ARGUMENT, "%s: %s: \"%.100s\" cannot be a name in a safetensors file", who,
                             path, items[i].name);
        if (i && by_name(&items[i - 1], &items[i]) == 0)
            return file_fail(fault, WG_BAD_ARGUMENT,
                             "%s: %s: \"%.100s\" and \"%.100s\" would have one name there, for "
                             "'/' becomes '.'",
                             who, path, items[i - 1].name, items[i].name);
    }
    return true;
}

bool safetensors_write(memory *m, const char *who, const char *path, safetensors_item *items, size_t count,
                       uint64_t draws, file_fault *fault)
{
    if (count) qsort(items, count, sizeof *items, by_name);
    if (!check_names(who, path, items, count, fault)) return false;
    header_writer measured = {0};
    put_header(&measured, items, count, draws);
    uint64_t length = measured.length;
    header_writer writer = {.text = memory_new(m, 1, measured.length)};
    file_part *parts = memory_new(m, count + 2, sizeof *parts);
    bool done = false;
    if (writer.text && parts) {
        put_header(&writer, items, count, draws);
        parts[0] = (file_part){&length, sizeof length};
        parts[1] = (file_part){writer.text, writer.length};
        for (size_t i = 0; i < count; i++) parts[i + 2] = (file_part){items[i].values, bytes_of(&items[i])};
        done = file_write(m, who, path, parts, count + 2, fault);
    } else {
        file_fail_memory(fault, measured.length + (count + 2) * sizeof *parts);
    }
    memory_release(m, writer.text);
    memory_release(m, parts);
    return done;
}
