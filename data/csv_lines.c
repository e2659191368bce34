/* Cutting text into lines and fields. */
#include "data/csv_lines.h"

#include <string.h>

bool csv_begin(csv_lines *lines, memory *m, const char *path, const file_content *content, char separator,
               file_fault *fault)
{
    *lines = (csv_lines){.memory = m, .path = path, .separator = separator, .following = 1};
    lines->next = content->bytes;
    lines->end = content->bytes + content->size;
    if (memchr(content->bytes, '\0', content->size))
        return file_fail(fault, WG_BAD_FILE, "csv: %s: is no text: it holds a zero byte", path);
    if (content->size >= 3 && memcmp(content->bytes, "\xef\xbb\xbf", 3) == 0) lines->next += 3; /* byte order mark */
    return true;
}

void csv_end(csv_lines *lines)
{
    memory_release(lines->memory, lines->fields);
    lines->fields = NULL;
}

bool csv_more(const csv_lines *lines)
{
    return lines->next[strspn(lines->next, " \t\r\n")] != '\0';
}

static bool is_blank(const csv_lines *lines, char c)
{
    return (c == ' ' || c == '\t') && c != lines->separator;
}

static bool ends_field(const csv_lines *lines, const char *text)
{
    return *text == lines->separator || *text == '\n' || *text == '\0' || (*text == '\r' && text[1] == '\n');
}

/* A field without quotes; returns where it ends. */
static char *bare_field(const csv_lines *lines, char **field)
{
    char *text = lines->next;
    while (is_blank(lines, *text)) text++;
    *field = text;
    while (!ends_field(lines, text)) text++;
    return text;
}

/* A field in quotes, which are removed; the text moves down over doubled ones. NULL: the closing quote is missing. */
static char *quoted_field(csv_lines *lines, char **field, char **last)
{
    char *from = lines->next + 1, *to = from;
    *field = to;
    for (; *from; from++) {
        if (*from == '"' && from[1] != '"') {
            *last = to;
            return from + 1;
        }
        if (*from == '"') from++;
        if (*from == '\n') lines->following++;
        *to++ = *from;
    }
    return NULL;
}

/* Cuts out the next field. *more: the line goes on after it. */
static bool take_field(csv_lines *lines, char **field, bool *more, file_fault *fault)
{
    char *last; /* behind the field's last character */
    char *after = *lines->next == '"' ? quoted_field(lines, field, &last) : (last = bare_field(lines, field));
    if (!after || !ends_field(lines, after))
        return file_fail(fault, WG_BAD_FILE, "csv: %s: line %lld: a quote that opens a field %s", lines->path,
                         (long long)lines->line, after ? "closes before its end" : "is never closed");
    if (after == last)
        while (last > *field && is_blank(lines, last[-1])) last--;
    *more = *after == lines->separator && *after;
    if (*after == '\r') after++;
    if (*after == '\n') lines->following++;
    lines->next = *after ? after + 1 : after;
    *last = '\0';
    return true;
}

bool csv_line(csv_lines *lines, file_fault *fault)
{
    lines->count = 0;
    lines->line = lines->following;
    for (bool more = true; more; lines->count++) {
        if (!memory_grow(lines->memory, (void **)&lines->fields, &lines->capacity, lines->count + 1,
                         sizeof *lines->fields))
            return file_fail_memory(fault, (lines->count + 1) * sizeof *lines->fields);
        if (!take_field(lines, &lines->fields[lines->count], &more, fault)) return false;
    }
    return true;
}
