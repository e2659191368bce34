/* Reading JSON, RFC 8259. Nothing here looks at more than the next few bytes, and nothing recurses. */
#include "data/json.h"

#include <string.h>

static bool fail(json_reader *reader, const char *reason)
{
    if (!reader->fault) reader->fault = reason;
    return false;
}

static void skip_space(json_reader *reader)
{
    while (reader->next < reader->end && *reader->next && strchr(" \t\r\n", *reader->next)) reader->next++;
}

/* ---- punctuation ---- */

bool json_try(json_reader *reader, char mark)
{
    if (reader->fault) return false;
    skip_space(reader);
    if (reader->next == reader->end || *reader->next != mark) return false;
    reader->next++;
    return true;
}

bool json_expect(json_reader *reader, char mark)
{
    if (json_try(reader, mark)) return true;
    switch (mark) {
    case '{':
        return fail(reader, "'{' is missing");
    case ':':
        return fail(reader, "':' is missing");
    case '[':
        return fail(reader, "'[' is missing");
    case ']':
        return fail(reader, "']' is missing");
    case ',':
        return fail(reader, "',' is missing");
    default:
        return fail(reader, "a mark is missing");
    }
}

bool json_more(json_reader *reader, char close)
{
    if (json_try(reader, ',')) return true;
    if (!json_try(reader, close)) fail(reader, close == '}' ? "',' or '}' is missing" : "',' or ']' is missing");
    return false;
}

bool json_finish(json_reader *reader)
{
    if (reader->fault) return false;
    skip_space(reader);
    return reader->next == reader->end || fail(reader, "something follows the last '}'");
}

/* ---- numbers ---- */

bool json_whole(json_reader *reader, uint64_t *value)
{
    if (reader->fault) return false;
    skip_space(reader);
    const char *first = reader->next;
    *value = 0;
    for (; reader->next < reader->end && *reader->next >= '0' && *reader->next <= '9'; reader->next++)
        if (__builtin_mul_overflow(*value, 10u, value) ||
            __builtin_add_overflow(*value, (unsigned)(*reader->next - '0'), value))
            return fail(reader, "a number is too large");
    if (reader->next == first) return fail(reader, "a whole number is missing");
    return *first != '0' || reader->next == first + 1 || fail(reader, "a number begins with 0");
}

/* ---- text ---- */

/* Bytes of the UTF-8 character at `text`; 0 if it is none (RFC 3629: no detours, no surrogates, nothing beyond
   U+10FFFF). */
static size_t character_length(const unsigned char *text, const unsigned char *end)
{
    if (text[0] < 0x80) return 1;
    size_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    unsigned char low = 0x80, high = 0xbf; /* of the second byte */
    if (text[0] == 0xe0) low = 0xa0;
    if (text[0] == 0xed) high = 0x9f;
    if (text[0] == 0xf0) low = 0x90;
    if (text[0] == 0xf4) high = 0x8f;
    if (text[0] < 0xc2 || text[0] > 0xf4 || (size_t)(end - text) < length) return 0;
    if (text[1] < low || text[1] > high) return 0;
    for (size_t i = 2; i < length; i++)
        if (text[i] < 0x80 || text[i] > 0xbf) return 0;
    return length;
}

bool json_valid(const char *text)
{
    const unsigned char *next = (const unsigned char *)text, *end = next + strlen(text);
    while (next < end) {
        size_t length = character_length(next, end);
        if (!length) return false;
        next += length;
    }
    return true;
}

/* Four hexadecimal digits. */
static bool take_unit(json_reader *reader, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++, reader->next++) {
        if (reader->next == reader->end) return false;
        char c = *reader->next;
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16;
        if (digit == 16) return false;
        *unit = *unit << 4 | digit;
    }
    return true;
}

/* What stands behind "\u": one unit, or a pair of surrogates. */
static bool take_code(json_reader *reader, uint32_t *code)
{
    uint32_t second;
    if (!take_unit(reader, code)) return fail(reader, "\\u needs four hexadecimal digits");
    if (*code == 0) return fail(reader, "a string holds \\u0000");
    if (*code < 0xd800 || *code > 0xdfff) return true;
    bool pair = *code < 0xdc00 && reader->end - reader->next >= 2 && reader->next[0] == '\\' && reader->next[1] == 'u';
    if (pair) reader->next += 2;
    if (!pair || !take_unit(reader, &second) || second < 0xdc00 || second > 0xdfff)
        return fail(reader, "half of a surrogate pair stands alone");
    *code = 0x10000 + ((*code - 0xd800) << 10) + (second - 0xdc00);
    return true;
}

/* At most four bytes: never more than the escape took. */
static char *put_code(char *to, uint32_t code)
{
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    *to++ = (char)(lead[more] | code >> (6 * more));
    while (more--) *to++ = (char)(0x80 | (code >> (6 * more) & 0x3f));
    return to;
}

/* What stands behind a backslash. */
static bool take_escape(json_reader *reader, char **to)
{
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (reader->next == reader->end) return fail(reader, "a string is not closed");
    char c = *reader->next++;
    uint32_t code;
    if (c == 'u') {
        if (!take_code(reader, &code)) return false;
        *to = put_code(*to, code);
        return true;
    }
    const char *name = c ? strchr(names, c) : NULL;
    if (!name) return fail(reader, "an escape is unknown");
    *(*to)++ = meanings[name - names];
    return true;
}

char *json_string(json_reader *reader)
{
    if (!json_try(reader, '"')) {
        fail(reader, "a string is missing");
        return NULL;
    }
    char *first = reader->next, *to = first;
    while (reader->next < reader->end) {
        unsigned char c = (unsigned char)*reader->next;
        if (c == '"') {
            reader->next++;
            *to = '\0';
            return first;
        }
        if (c == '\\') {
            reader->next++;
            if (!take_escape(reader, &to)) return NULL;
            continue;
        }
        size_t length = character_length((unsigned char *)reader->next, (unsigned char *)reader->end);
        if (c < 0x20 || !length) {
            fail(reader, c < 0x20 ? "a string holds a control character" : "a string is not UTF-8");
            return NULL;
        }
        memmove(to, reader->next, length);
        to += length;
        reader->next += length;
    }
    fail(reader, "a string is not closed");
    return NULL;
}
