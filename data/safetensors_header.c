/* Parsing a header and checking that its tensors fill the rest of the file, each byte once. */
#include "data/safetensors_header.h"
#include "data/json.h"
#include "graph/shape.h"
#include "graph/weights.h"

#include <stdlib.h>
#include <string.h>

typedef struct header_parser {
    safetensors *file;
    json_reader json;
    const char *who;
    file_fault *fault;
    bool metadata; /* has been seen */
} header_parser;

static bool fail(header_parser *p, const char *name, wg_status status, const char *reason)
{
    return file_fail(p->fault, status, "%s: %s: tensor \"%.100s\": %s", p->who, p->file->path, name, reason);
}

/* ---- types ---- */

static const char *const type_names[WG_TYPES] = {
    [WG_F32] = "F32", [WG_F64] = "F64", [WG_I32] = "I32", [WG_I64] = "I64", [WG_BOOL] = "BOOL", [WG_U8] = "U8",
};

const char *safetensors_type_name(wg_type type)
{
    return type_names[type];
}

static bool take_type(header_parser *p, const char *name, safetensors_entry *entry)
{
    const char *text = json_string(&p->json);
    if (!text) return false;
    for (int type = 0; type < WG_TYPES; type++)
        if (type_names[type] && strcmp(text, type_names[type]) == 0) entry->type = (wg_type)type;
    if (entry->type) return true;
    return file_fail(p->fault, WG_UNSUPPORTED,
                     "%s: %s: tensor \"%.100s\": the element type \"%.20s\" is not supported: "
                     "F32 F64 I32 I64 BOOL U8 are",
                     p->who, p->file->path, name, text);
}

/* ---- one tensor ---- */

static bool take_shape(header_parser *p, const char *name, wg_shape *shape)
{
    if (!json_expect(&p->json, '[')) return false;
    if (json_try(&p->json, ']')) return true;
    do {
        uint64_t length;
        if (!json_whole(&p->json, &length)) return false;
        if (shape->rank == WG_MAX_RANK) return fail(p, name, WG_UNSUPPORTED, "has more than 8 axes");
        if (length > INT64_MAX) return fail(p, name, WG_BAD_FILE, "has an axis that is too long");
        shape->dim[shape->rank++] = (int64_t)length;
    } while (json_more(&p->json, ']'));
    return !p->json.fault;
}

static bool take_offsets(header_parser *p, safetensors_entry *entry)
{
    json_reader *json = &p->json;
    return json_expect(json, '[') && json_whole(json, &entry->begin) && json_expect(json, ',') &&
           json_whole(json, &entry->end) && json_expect(json, ']');
}

/* The three fields, each once, in any order. */
static bool take_fields(header_parser *p, safetensors_entry *entry)
{
    enum { TYPE = 1, SHAPE = 2, OFFSETS = 4 };
    int seen = 0;
    if (!json_expect(&p->json, '{')) return false;
    do {
        const char *key = json_string(&p->json);
        if (!key || !json_expect(&p->json, ':')) return false;
        int field = !strcmp(key, "dtype")          ? TYPE
                    : !strcmp(key, "shape")        ? SHAPE
                    : !strcmp(key, "data_offsets") ? OFFSETS
                                                   : 0;
        if (!field || seen & field)
            return fail(p, entry->name, WG_BAD_FILE, field ? "has a field twice" : "has an unknown field");
        seen |= field;
        bool taken = field == TYPE    ? take_type(p, entry->name, entry)
                     : field == SHAPE ? take_shape(p, entry->name, &entry->shape)
                                      : take_offsets(p, entry);
        if (!taken) return false;
    } while (json_more(&p->json, '}'));
    if (p->json.fault) return false;
    return seen == (TYPE | SHAPE | OFFSETS) || fail(p, entry->name, WG_BAD_FILE, "lacks dtype, shape or data_offsets");
}

static bool check_tensor(header_parser *p, const safetensors_entry *entry)
{
    const char *reason;
    if (!shape_valid(&entry->shape, entry->type, &reason)) return fail(p, entry->name, WG_BAD_FILE, reason);
    if (entry->begin > entry->end || entry->end > p->file->values_size)
        return fail(p, entry->name, WG_BAD_FILE, "its values end beyond the file, or before they begin");
    uint64_t bytes = (uint64_t)wg_shape_size(entry->shape) * wg_type_size(entry->type);
    return bytes == entry->end - entry->begin ||
           fail(p, entry->name, WG_BAD_FILE, "its values are more or fewer than its shape says");
}

static bool take_tensor(header_parser *p, const char *name)
{
    safetensors *file = p->file;
    if (!memory_grow(file->memory, (void **)&file->entries, &file->capacity, file->count + 1, sizeof *file->entries))
        return file_fail_memory(p->fault, (file->count + 1) * sizeof *file->entries);
    safetensors_entry *entry = &file->entries[file->count++];
    *entry = (safetensors_entry){.name = name};
    return take_fields(p, entry) && check_tensor(p, entry);
}

/* ---- the whole header ---- */

/* An object of strings, of which one matters here. */
static bool take_metadata(header_parser *p)
{
    if (p->metadata) return fail(p, "__metadata__", WG_BAD_FILE, "is there twice");
    p->metadata = true;
    if (!json_expect(&p->json, '{')) return false;
    if (json_try(&p->json, '}')) return true;
    do {
        const char *key = json_string(&p->json);
        const char *value = key && json_expect(&p->json, ':') ? json_string(&p->json) : NULL;
        if (!value) return false;
        if (strcmp(key, "draws") == 0) p->file->draws = value;
    } while (json_more(&p->json, '}'));
    return !p->json.fault;
}

static bool take_entries(header_parser *p)
{
    if (p->json.begin < p->json.end && *p->json.begin != '{') p->json.fault = "the first byte is no '{'";
    if (!json_expect(&p->json, '{')) return false;
    if (json_try(&p->json, '}')) return json_finish(&p->json);
    do {
        const char *name = json_string(&p->json);
        if (!name || !json_expect(&p->json, ':')) return false;
        if (!(strcmp(name, "__metadata__") == 0 ? take_metadata(p) : take_tensor(p, name))) return false;
    } while (json_more(&p->json, '}'));
    return json_finish(&p->json);
}

static int by_place(const void *a, const void *b)
{
    const safetensors_entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static int by_name(const void *a, const void *b)
{
    return weights_compare(((const safetensors_entry *)a)->name, ((const safetensors_entry *)b)->name);
}

static bool check_places(header_parser *p)
{
    const safetensors *file = p->file;
    uint64_t filled = 0;
    if (file->count) qsort(file->entries, file->count, sizeof *file->entries, by_place);
    for (size_t i = 0; i < file->count; filled = file->entries[i++].end) {
        const safetensors_entry *entry = &file->entries[i];
        if (entry->begin < filled) return fail(p, entry->name, WG_BAD_FILE, "its values overlap those of another one");
        if (entry->begin > filled) return fail(p, entry->name, WG_BAD_FILE, "there is a gap before its values");
    }
    return filled == file->values_size ||
           file_fail(p->fault, WG_BAD_FILE, "%s: %s: %llu bytes follow the last tensor", p->who, file->path,
                     (unsigned long long)(file->values_size - filled));
}

static bool check_names(header_parser *p)
{
    const safetensors *file = p->file;
    if (file->count) qsort(file->entries, file->count, sizeof *file->entries, by_name);
    for (size_t i = 1; i < file->count; i++)
        if (by_name(&file->entries[i - 1], &file->entries[i]) == 0)
            return fail(p, file->entries[i].name, WG_BAD_FILE, "the name is there twice (with '/' and '.' the same)");
    return true;
}

bool safetensors_parse(safetensors *file, size_t length, const char *who, file_fault *fault)
{
    header_parser p = {.file = file, .who = who, .fault = fault};
    p.json = (json_reader){.begin = file->header, .next = file->header, .end = file->header + length};
    if (take_entries(&p)) return check_places(&p) && check_names(&p);
    if (p.json.fault)
        file_fail(fault, WG_BAD_FILE, "%s: %s: is no safetensors file: %s at byte %zu of the header", who, file->path,
                  p.json.fault, (size_t)(p.json.next - p.json.begin));
    return false;
}
