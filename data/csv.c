/* A data set from a text file of separated columns: numbers, and one column of targets. */
#include "data/classes.h"
#include "data/csv_lines.h"
#include "data/dataset.h"
#include "data/number.h"

#include <float.h>
#include <string.h>

typedef struct csv_table {
    wg_context *context;
    const char *path;
    wg_csv_options options;
    file_content content;
    csv_lines lines;
    number_reader numbers;
    file_fault fault;

    int64_t columns, rows;
    int64_t target;    /* the column; -1: none */
    const char **name; /* of the columns; NULL: no header */
    double *input;     /* row by row */
    size_t input_capacity, input_count;
    double *value; /* targets of a regression */
    size_t value_capacity;
    int32_t *label; /* numbers of the targets' words */
    size_t label_capacity;
    classes classes;
} csv_table;

/* ---- one field ---- */

/* "line 3, column "price": ..." */
static bool field_fault(csv_table *t, int64_t column, const char *reason, const char *text)
{
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)column);
    return file_fail(&t->fault, WG_BAD_FILE, "csv: %s: line %lld, column \"%.60s\": %s%s%.40s%s", t->path,
                     (long long)t->lines.line, t->name ? t->name[column] : number, reason, *text ? " \"" : "", text,
                     *text ? "\"" : "");
}

static bool take_number(csv_table *t, int64_t column, const char *text, double **values, size_t *capacity, size_t count)
{
    double value;
    if (!number_parse(&t->numbers, text, &value)) return field_fault(t, column, "is no number:", text);
    double limit = t->context->options.type == WG_F64 ? DBL_MAX : (double)FLT_MAX;
    if (value > limit || value < -limit) return field_fault(t, column, "is too large:", text);
    if (!memory_grow(&t->context->memory, (void **)values, capacity, count + 1, sizeof **values))
        return file_fail_memory(&t->fault, (count + 1) * sizeof **values);
    (*values)[count] = value;
    return true;
}

static bool take_word(csv_table *t, const char *text)
{
    size_t count = (size_t)t->rows;
    int32_t number = classes_number(&t->classes, text);
    if (number < 0 ||
        !memory_grow(&t->context->memory, (void **)&t->label, &t->label_capacity, count + 1, sizeof *t->label))
        return file_fail_memory(&t->fault, (count + 1) * sizeof *t->label);
    t->label[count] = number;
    return true;
}

static bool take_field(csv_table *t, int64_t column, const char *text)
{
    if (!*text) return field_fault(t, column, "is empty", "");
    if (column != t->target) {
        if (!take_number(t, column, text, &t->input, &t->input_capacity, t->input_count)) return false;
        t->input_count++;
        return true;
    }
    return t->options.regression ? take_number(t, column, text, &t->value, &t->value_capacity, (size_t)t->rows)
                                 : take_word(t, text);
}

/* ---- lines ---- */

static bool take_row(csv_table *t)
{
    if ((int64_t)t->lines.count != t->columns)
        return file_fail(&t->fault, WG_BAD_FILE, "csv: %s: line %lld has %zu fields, the first line has %lld", t->path,
                         (long long)t->lines.line, t->lines.count, (long long)t->columns);
    for (int64_t column = 0; column < t->columns; column++)
        if (!take_field(t, column, t->lines.fields[column])) return false;
    t->rows++;
    return true;
}

static bool has_name(const csv_table *t, int64_t column, const char *name)
{
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)column);
    return strcmp(t->name ? t->name[column] : number, name) == 0;
}

static bool find_target(csv_table *t)
{
    const char *name = t->options.target;
    t->target = -1;
    for (int64_t column = 0; name && column < t->columns; column++) {
        if (!has_name(t, column, name)) continue;
        if (t->target >= 0)
            return file_fail(&t->fault, WG_BAD_FILE, "csv: %s: two columns are called \"%s\"", t->path, name);
        t->target = column;
    }
    if (name && t->target < 0)
        return file_fail(&t->fault, WG_BAD_ARGUMENT, "csv: %s: no column is called \"%s\"; the first one is \"%.60s\"",
                         t->path, name, t->name ? t->name[0] : "0");
    return t->columns > (t->target >= 0) ||
           file_fail(&t->fault, WG_BAD_FILE, "csv: %s: there are no inputs beside the target", t->path);
}

/* The first line tells how many columns there are and, if it is a header, their names. */
static bool take_first_line(csv_table *t)
{
    if (!csv_more(&t->lines)) return file_fail(&t->fault, WG_BAD_FILE, "csv: %s: is empty", t->path);
    if (!csv_line(&t->lines, &t->fault)) return false;
    t->columns = (int64_t)t->lines.count;
    if (t->options.no_header) return find_target(t) && take_row(t);
    size_t size = t->lines.count * sizeof *t->name;
    t->name = memory_new(&t->context->memory, 1, size);
    if (!t->name) return file_fail_memory(&t->fault, size);
    memcpy(t->name, t->lines.fields, size);
    return find_target(t);
}

static bool check_options(csv_table *t)
{
    if (!t->options.separator) t->options.separator = ',';
    if (strchr("0123456789+-.eE\"\r\n", t->options.separator))
        return file_fail(&t->fault, WG_BAD_ARGUMENT,
                         "csv: the separator can be no digit, sign, point, quote, e or newline");
    return !t->options.regression || t->options.target ||
           file_fail(&t->fault, WG_BAD_ARGUMENT, "csv: a regression needs the name of the target column");
}

static bool read_table(csv_table *t)
{
    memory *m = &t->context->memory;
    if (!check_options(t) || !file_read(m, "csv", t->path, &t->content, &t->fault)) return false;
    if (!csv_begin(&t->lines, m, t->path, &t->content, t->options.separator, &t->fault)) return false;
    if (!take_first_line(t)) return false;
    while (csv_more(&t->lines))
        if (!csv_line(&t->lines, &t->fault) || !take_row(t)) return false;
    return true;
}

/* ---- from columns to a data set ---- */

static bool take_values(csv_table *t, const double *from, size_t count, dataset_part *part)
{
    part->type = t->context->options.type;
    size_t bytes = count * wg_type_size(part->type);
    part->values = memory_values(&t->context->memory, bytes);
    if (!part->values) return file_fail_memory(&t->fault, bytes);
    double *wide = part->values;
    float *narrow = part->values;
    for (size_t i = 0; i < count; i++)
        if (part->type == WG_F64)
            wide[i] = from[i];
        else
            narrow[i] = (float)from[i];
    return true;
}

/* Words are numbered as they appear; but if all of them are whole numbers, they are the class numbers, so that files
   for training and for testing agree. */
static bool take_labels(csv_table *t, wg_dataset *content)
{
    int64_t largest;
    bool numbers = classes_are_numbers(&t->classes, &largest);
    if (numbers && largest >= CLASSES_MAX)
        return file_fail(&t->fault, WG_BAD_FILE,
                         "csv: %s: column \"%s\" holds class numbers of %d and more; if it is a "
                         "quantity, set the option regression",
                         t->path, t->options.target, CLASSES_MAX);
    content->class_count = numbers ? largest + 1 : (int64_t)t->classes.count;
    content->classes = classes_names(&t->classes, numbers, content->class_count);
    size_t bytes = (size_t)t->rows * sizeof(int32_t);
    int32_t *labels = memory_values(&t->context->memory, bytes);
    content->targets = (dataset_part){.type = WG_I32, .values = labels};
    if (!content->classes || !labels) return file_fail_memory(&t->fault, bytes);
    for (int64_t i = 0; i < t->rows; i++) {
        int32_t number = t->label[i];
        labels[i] = number;
        if (!numbers) continue;
        labels[i] = 0;
        for (const char *digit = t->classes.word[number]; *digit; digit++) labels[i] = labels[i] * 10 + (*digit - '0');
    }
    return true;
}

static bool take_columns(csv_table *t, wg_dataset *content)
{
    content->count = t->rows;
    content->inputs.shape = WG_SHAPE(t->columns - (t->target >= 0));
    if (!take_values(t, t->input, t->input_count, &content->inputs)) return false;
    if (t->target < 0) return true;
    if (!t->options.regression) return take_labels(t, content);
    content->targets.shape = WG_SHAPE(1); /* [batch, 1], as a linear layer with one output gives it */
    return take_values(t, t->value, (size_t)t->rows, &content->targets);
}

static void release_table(csv_table *t)
{
    memory *m = &t->context->memory;
    if (t->lines.memory) csv_end(&t->lines);
    classes_end(&t->classes);
    memory_release(m, t->name);
    memory_release(m, t->input);
    memory_release(m, t->value);
    memory_release(m, t->label);
    file_release(m, &t->content);
}

wg_dataset *wg_dataset_csv(wg_context *ctx, const char *path, const wg_csv_options *options)
{
    WG_ENTRY(ctx);
    if (!graph_ok(ctx)) return NULL;
    csv_table table = {.context = ctx, .path = path, .classes = {.memory = &ctx->memory}};
    if (options) table.options = *options;
    wg_dataset content = {0};
    bool done = number_begin(&table.numbers) || file_fail_memory(&table.fault, sizeof table);
    if (done) {
        done = read_table(&table) && take_columns(&table, &content);
        number_end(&table.numbers);
    }
    release_table(&table);
    if (done) return dataset_new(ctx, &content);
    dataset_drop(&ctx->memory, &content);
    file_report(ctx, &table.fault);
    return NULL;
}
