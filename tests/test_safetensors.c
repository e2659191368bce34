/* Safetensors files, right, wrong and damaged, opened as shared weights. */
#include "tests/scratch.h"

enum { FLIPS = 20000, FILE_SIZE = 1024 };

/* A file of a header and `values` bytes 0, 1, 0, 1 ..., written under a name. */
static size_t compose(unsigned char *file, const char *header, size_t values)
{
    uint64_t length = strlen(header);
    for (int i = 0; i < 8; i++) file[i] = (unsigned char)(length >> (8 * i));
    memcpy(file + 8, header, length);
    for (size_t i = 0; i < values; i++) file[8 + length + i] = i & 1;
    return 8 + length + values;
}

static wg_weights *open_file(const char *header, size_t values, char message[256])
{
    unsigned char file[FILE_SIZE];
    size_t size = compose(file, header, values);
    return wg_weights_open(scratch_write("w", file, size), message, 256);
}

static void expect_refused(const char *header, size_t values, const char *words)
{
    char message[256];
    wg_weights *weights = open_file(header, values, message);
    cr_expect_null(weights, "%s was opened", header);
    cr_expect(strstr(message, words) != NULL, "%s: \"%s\" does not say \"%s\"", header, message, words);
    wg_weights_close(weights);
}

/* The number that the next file opened will have: it rises if one is left open. */
static int next_descriptor(void)
{
    int descriptor = dup(STDERR_FILENO);
    close(descriptor);
    return descriptor;
}

#define ONE "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"

Test(safetensors, right_headers)
{
    static const struct {
        const char *header;
        size_t values;
    } cases[] = {
        {"{}", 0},
        {"{ } \n\t ", 0},
        {"{\"__metadata__\":{}}", 0},
        {"{\"__metadata__\":{\"k\":\"v\",\"\\u00e9\":\"\\ud83d\\ude00\"}," ONE "}", 8},
        {"{" ONE "}   ", 8},
        {"{ \"a\" : { \"data_offsets\" : [ 0 , 8 ] , \"shape\" : [ 2 ] , \"dtype\" : \"F32\" } }", 8},
        {"{\"b\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[8,9]}," ONE "}", 9},
        {"{\"b\":{\"dtype\":\"F64\",\"shape\":[0,5],\"data_offsets\":[8,8]}," ONE "}", 8},
        {"{\"b\":{\"dtype\":\"BOOL\",\"shape\":[1,1,1,1,1,1,1,3],\"data_offsets\":[0,3]}}", 3},
    };
    scratch_begin();
    int before = next_descriptor();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char message[256];
        wg_weights *weights = open_file(cases[i].header, cases[i].values, message);
        cr_expect_not_null(weights, "%s: %s", cases[i].header, message);
        wg_weights_close(weights);
    }
    cr_expect_eq(next_descriptor(), before);
    scratch_end();
}

#define TENSOR(type, shape, offsets) "{\"a\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

Test(safetensors, wrong_headers)
{
    static const struct {
        const char *header;
        size_t values;
        const char *words;
    } cases[] = {
        {"", 0, "'{' is missing"},
        {" {}", 0, "first byte"},
        {"[]", 0, "first byte"},
        {"{}x", 0, "something follows"},
        {"{}", 1, "1 bytes follow"},
        {"{" ONE "}", 9, "1 bytes follow"},
        {"{" ONE "}", 7, "beyond the file"},
        {"{" ONE ",}", 8, "string is missing"},
        {"{" ONE " " ONE "}", 8, "',' or '}'"},
        {"{" ONE "," ONE "}", 8, "overlap"},
        {"{" ONE ",\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}", 16, "there twice"},
        {"{\"x.a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
         "\"x/a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
         2, "there twice"},
        {"{" ONE ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12, "overlap"},
        {"{" ONE ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[12,20]}}", 20, "gap"},
        {TENSOR("F32", "[2]", "[4,12]"), 12, "gap"},
        {TENSOR("F32", "[2]", "[8,0]"), 8, "before they begin"},
        {TENSOR("F32", "[2]", "[0,7]"), 7, "more or fewer"},
        {TENSOR("F32", "[3]", "[0,8]"), 8, "more or fewer"},
        {TENSOR("F32", "[2]", "[0,18446744073709551615]"), 8, "beyond the file"},
        {TENSOR("F32", "[2]", "[0,18446744073709551616]"), 8, "too large"},
        {TENSOR("F32", "[2]", "[0]"), 8, "',' is missing"},
        {TENSOR("F32", "[2]", "[0,8,9]"), 8, "']' is missing"},
        {TENSOR("F32", "[4611686018427387904,4]", "[0,0]"), 0, "overflows"},
        {TENSOR("F32", "[4611686018427387904,4,0]", "[0,0]"), 0, "overflows"},
        {TENSOR("F32", "[9223372036854775808]", "[0,0]"), 0, "too long"},
        {TENSOR("F32", "[1,1,1,1,1,1,1,1,2]", "[0,8]"), 8, "more than 8 axes"},
        {TENSOR("F32", "[-2]", "[0,8]"), 8, "whole number"},
        {TENSOR("F32", "[2.0]", "[0,8]"), 8, "',' or ']'"},
        {TENSOR("F32", "[02]", "[0,8]"), 8, "begins with 0"},
        {TENSOR("F32", "2", "[0,8]"), 8, "'[' is missing"},
        {TENSOR("F32", "[2,]", "[0,8]"), 8, "whole number"},
        {TENSOR("BF16", "[2]", "[0,4]"), 4, "\"a\": the element type \"BF16\" is not supported"},
        {TENSOR("f32", "[2]", "[0,8]"), 8, "not supported"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "lacks"},
        {"{\"a\":{}}", 8, "string is missing"},
        {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "twice"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 8, "unknown field"},
        {"{\"__metadata__\":{\"k\":1}}", 0, "string is missing"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "twice"},
        {"{\"\\u0000\":{}}", 0, "\\u0000"},
        {"{\"\\ud83d\":{}}", 0, "surrogate"},
        {"{\"\\ud83d\\u0041\":{}}", 0, "surrogate"},
        {"{\"\\u00g0\":{}}", 0, "hexadecimal"},
        {"{\"\\x\":{}}", 0, "escape"},
        {"{\"\x01\":{}}", 0, "control character"},
        {"{\"\xc0\xaf\":{}}", 0, "not UTF-8"},
        {"{\"\xed\xa0\x80\":{}}", 0, "not UTF-8"},
        {"{\"\xf5\x80\x80\x80\":{}}", 0, "not UTF-8"},
        {"{\"a", 0, "not closed"},
        {"{\"a\\", 0, "not closed"},
    };
    scratch_begin();
    int before = next_descriptor();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refused(cases[i].header, cases[i].values, cases[i].words);
    cr_expect_eq(next_descriptor(), before);
    scratch_end();
}

Test(safetensors, bool_values_are_0_or_1)
{
    unsigned char file[FILE_SIZE];
    char message[256];
    scratch_begin();
    size_t size = compose(file, TENSOR("BOOL", "[4]", "[0,4]"), 4);
    file[size - 1] = 2;
    cr_expect_null(wg_weights_open(scratch_write("w", file, size), message, sizeof message));
    cr_expect(strstr(message, "truth value") != NULL, "%s", message);
    scratch_end();
}

/* The length before the header, lying in each way; and files that end at each byte. */
Test(safetensors, lengths)
{
    unsigned char file[FILE_SIZE];
    char message[256];
    scratch_begin();
    size_t size = compose(file, "{" ONE "}", 8);
    for (size_t cut = 0; cut < size; cut++) {
        cr_expect_null(wg_weights_open(scratch_write("w", file, cut), message, sizeof message), "%zu bytes", cut);
        cr_expect_neq(message[0], '\0');
    }
    for (int i = 0; i < 8; i++)
        for (int bit = 0; bit < 8; bit++) {
            file[i] ^= (unsigned char)(1 << bit);
            cr_expect_null(wg_weights_open(scratch_write("w", file, size), message, sizeof message));
            if (i > 3) cr_expect(strstr(message, "too long") != NULL, "%s", message);
            file[i] ^= (unsigned char)(1 << bit);
        }
    cr_expect_null(wg_weights_open(scratch("none"), message, sizeof message));
    cr_expect(strstr(message, "cannot be opened") != NULL, "%s", message);
    cr_expect_null(wg_weights_open(scratch_folder, message, sizeof message));
    cr_expect_null(wg_weights_open(NULL, NULL, 0));
    char small[8];
    cr_expect_null(wg_weights_open(scratch("none"), small, sizeof small));
    cr_expect_eq(strlen(small), 7);
    wg_weights_close(NULL);
    scratch_end();
}

Test(safetensors, twenty_thousand_flips)
{
    unsigned char file[FILE_SIZE], copy[FILE_SIZE];
    char message[256];
    uint64_t state = 3;
    int opened = 0;
    scratch_begin();
    size_t size =
        compose(file,
                "{\"__metadata__\":{\"draws\":\"12\"}," ONE ",\"b\\u0041\":{\"dtype\":\"I64\",\"shape\":[2,1],"
                "\"data_offsets\":[8,24]},\"c\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[24,27]}}  ",
                27);
    for (int i = 0; i < FLIPS; i++) {
        memcpy(copy, file, size);
        scratch_damage(copy, size, &state);
        message[0] = '\0';
        wg_weights *weights = wg_weights_open(scratch_write("w", copy, size), message, sizeof message);
        cr_assert_eq(weights == NULL, message[0] != '\0');
        opened += weights != NULL;
        wg_weights_close(weights);
    }
    cr_expect(opened > FLIPS / 50 && opened < FLIPS / 2, "%d were opened", opened);
    scratch_end();
}
