/* Prints include/wengert/ops.h: the prototype of every builder, from the two tables of primitives. */
#include <stdio.h>
#include <string.h>

static void print_comment(const char *text)
{
    printf("/* ");
    int column = 3;
    while (*text) {
        size_t word = strcspn(text, " ");
        if (column + (int)word > 116) {
            printf("\n  ");
            column = 2;
        }
        column += printf("%s%.*s", column > 3 || (column == 2) ? " " : "", (int)word, text);
        text += word;
        while (*text == ' ') text++;
    }
    printf(" */\n");
}

/* Breaks a prototype after a comma where it would be longer than a line. */
static void print_prototype(const char *name, const char *parameters)
{
    char line[512];
    int indent = snprintf(line, sizeof line, "WG_API wg_tensor wg_%s(", name);
    snprintf(line + indent, sizeof line - (size_t)indent, "%s;", parameters + 1);
    char *rest = line;
    while (strlen(rest) > 120) {
        char *comma = rest + 119;
        while (*comma != ',') comma--;
        printf("%.*s\n%*s", (int)(comma + 1 - rest), rest, indent, "");
        rest = comma + 2;
    }
    printf("%s\n", rest);
}

static void print_scalar_forms(const char *name, const char *scalar)
{
    char longer[64];
    snprintf(longer, sizeof longer, "%s_scalar", name);
    if (strcmp(scalar, "NONE") != 0) print_prototype(longer, "(wg_tensor x, double scalar)");
    snprintf(longer, sizeof longer, "scalar_%s", name);
    if (strcmp(scalar, "BOTH") == 0) print_prototype(longer, "(double scalar, wg_tensor x)");
}

int main(void)
{
    printf(
        "/* The primitives: one function each. Generated from ops/elementwise.def and ops/structured.def by\n"
        "   ops/generate.c; change it there.\n\n"
        "   Element-wise functions broadcast as NumPy does and want operands of one type; the type of the result is\n"
        "   theirs, or bool for comparisons. The C scalar of a _scalar form takes the tensor's type and is bound late. "
        "*/\n"
        "#ifndef WENGERT_OPS_H\n#define WENGERT_OPS_H\n\n#include <wengert/tensor.h>\n\n"
        "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n/* ---- element-wise: one operand ---- */\n\n");
#define UNARY(name, types, result, value, gradient, piece, low, high, ulp, summary) \
    print_comment(summary);                                                         \
    print_prototype(#name, "(wg_tensor x)");
#define BINARY(name, types, result, scalar, value, gradient_a, gradient_b, piece, low, high, ulp, summary)
#include "ops/elementwise.def"
#undef UNARY
#undef BINARY
    printf("\n/* ---- element-wise: two operands ---- */\n\n");
#define UNARY(name, types, result, value, gradient, piece, low, high, ulp, summary)
#define BINARY(name, types, result, scalar, value, gradient_a, gradient_b, piece, low, high, ulp, summary) \
    print_comment(summary);                                                                                \
    print_prototype(#name, "(wg_tensor a, wg_tensor b)");                                                  \
    print_scalar_forms(#name, #scalar);
#include "ops/elementwise.def"
    printf("\n/* ---- structured ---- */\n\n");
#define STRUCTURED(name, parameters, summary) \
    print_comment(summary);                   \
    print_prototype(#name, #parameters);
#include "ops/structured.def"
    printf("\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    return ferror(stdout) != 0;
}
