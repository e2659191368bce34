/* Reading the formula of an Einstein sum, in NumPy's grammar. */
#include "ops/formula.h"

#include "graph/shape.h"

#include <string.h>

enum { END = -1, COMMA = -2, ARROW = -3, ELLIPSIS = -4, WRONG = -5 };

/* The next word: a letter's label, or one of the above. */
static int next_word(formula *f)
{
    while (*f->at == ' ') f->at++;
    char c = *f->at;
    if (c == '\0') return END;
    int length = strncmp(f->at, "...", 3) == 0 ? 3 : strncmp(f->at, "->", 2) == 0 ? 2 : 1;
    f->at += length;
    if (length == 3) return ELLIPSIS;
    if (length == 2) return ARROW;
    if (c == ',') return COMMA;
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return 26 + c - 'a';
    graph_fail(f->ctx, WG_BAD_ARGUMENT, "einsum: \"%s\": '%c' is no letter, comma, arrow or ellipsis", f->text, c);
    return WRONG;
}

static char letter_of(int label)
{
    return (char)(label < 26 ? 'A' + label : 'a' + label - 26);
}

/* Notes the length of an axis of operand k. Those in ellipses broadcast. */
static bool meet(formula *f, size_t k, int label, int64_t length)
{
    uint64_t bit = UINT64_C(1) << label;
    bool first = !(f->known & bit), wide = label >= LETTERS && f->length[label] == 1;
    f->twice |= f->known & bit;
    f->known |= bit;
    if (first || wide) {
        f->length[label] = length;
        f->owner[label] = k;
    }
    if (f->length[label] == length || (label >= LETTERS && length == 1)) return true;
    if (label < LETTERS)
        graph_fail(f->ctx, WG_BAD_SHAPE, "einsum: \"%s\": %c has length %lld in operand %zu, %lld in operand %zu",
                   f->text, letter_of(label), (long long)f->length[label], f->owner[label], (long long)length, k);
    else
        graph_fail(f->ctx, WG_BAD_SHAPE,
                   "einsum: \"%s\": an axis of the ellipsis has length %lld in operand %zu, %lld in operand %zu",
                   f->text, (long long)f->length[label], f->owner[label], (long long)length, k);
    return false;
}

/* The words of operand k up to a comma, an arrow or the end, which is left in *word. Those after the ellipsis stand
   behind the ones that it means. */
static bool read_operand(formula *f, size_t k, int *word)
{
    int before[WG_MAX_RANK], letters = 0, ellipsis = -1, label[WG_MAX_RANK];
    wg_shape shape = wg_shape_of(f->operand[k].tensor);
    shape_buffer buffer;
    for (*word = next_word(f); *word >= 0 || (*word == ELLIPSIS && ellipsis < 0); *word = next_word(f)) {
        if (*word == ELLIPSIS) ellipsis = letters;
        if (*word >= 0 && letters++ < shape.rank) before[letters - 1] = *word;
    }
    if (*word == WRONG) return false;
    if (*word == ELLIPSIS) {
        graph_fail(f->ctx, WG_BAD_ARGUMENT, "einsum: \"%s\": two ellipses in operand %zu", f->text, k);
        return false;
    }
    if (letters > shape.rank || (ellipsis < 0 && letters < shape.rank)) {
        graph_fail(f->ctx, WG_BAD_SHAPE, "einsum: \"%s\": %d letters for operand %zu, which is %s", f->text, letters, k,
                   shape_text(shape, &buffer));
        return false;
    }
    int covered = shape.rank - letters;
    if (covered > f->ellipsis) f->ellipsis = covered;
    for (int i = 0; i < shape.rank; i++) {
        int inside = ellipsis < 0 ? -1 : i - ellipsis;
        label[i] = ellipsis < 0 || inside < 0 ? before[i]
                   : inside < covered         ? LETTERS + covered - 1 - inside
                                              : before[i - covered];
        if (!meet(f, k, label[i], shape.dim[i])) return false;
    }
    for (int i = 0; i < shape.rank; i++) append(&f->operand[k].axes, label[i]);
    return true;
}

static void append_ellipsis(formula *f)
{
    for (int i = f->ellipsis; i-- > 0;) append(&f->output, LETTERS + i);
}

/* Without an arrow: the ellipsis, then the letters that stand once, in order. */
static void imply_output(formula *f)
{
    append_ellipsis(f);
    for (int label = 0; label < LETTERS; label++)
        if ((f->known & ~f->twice) >> label & 1) append(&f->output, label);
}

static bool read_output(formula *f)
{
    bool ellipsis = false;
    for (int word = next_word(f); word != END; word = next_word(f)) {
        const char *wrong = NULL;
        if (word == WRONG) return false;
        if (word == COMMA || word == ARROW) wrong = "a second output";
        if (word == ELLIPSIS && ellipsis) wrong = "two ellipses in the output";
        if (word >= 0 && has(&f->output, word)) wrong = "a letter twice in the output";
        if (word >= 0 && !(f->known >> word & 1)) wrong = "a letter of the output in no operand";
        if (wrong) {
            char letter[] = {' ', word >= 0 ? letter_of(word) : '\0', '\0'};
            graph_fail(f->ctx, WG_BAD_ARGUMENT, "einsum: \"%s\": %s%s", f->text, wrong, letter[1] ? letter : "");
            return false;
        }
        if (word == ELLIPSIS) append_ellipsis(f);
        if (word >= 0) append(&f->output, word);
        ellipsis |= word == ELLIPSIS;
    }
    if (ellipsis || f->ellipsis == 0) return true;
    graph_fail(f->ctx, WG_BAD_ARGUMENT, "einsum: \"%s\": the output has no ellipsis for that of the operands", f->text);
    return false;
}

bool formula_read(formula *f)
{
    int word = COMMA;
    size_t read = 0;
    for (; word == COMMA; read++) {
        if (read < f->count && !read_operand(f, read, &word)) return false;
        if (read < f->count) continue;
        do word = next_word(f);
        while (word >= 0 || word == ELLIPSIS);
        if (word == WRONG) return false;
    }
    if (read != f->count) {
        graph_fail(f->ctx, WG_BAD_ARGUMENT, "einsum: \"%s\" is about %zu operands, given are %zu", f->text, read,
                   f->count);
        return false;
    }
    if (word == ARROW && !read_output(f)) return false;
    if (word == END) imply_output(f);
    if (f->output.count <= WG_MAX_RANK) return true;
    graph_fail(f->ctx, WG_BAD_SHAPE, "einsum: \"%s\": the output has %d axes, more than %d", f->text, f->output.count,
               WG_MAX_RANK);
    return false;
}
