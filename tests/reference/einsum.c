/* wg_einsum against one loop over all letters: values, gradients, what it is made of, errors. */
#include "tests/reference/reference.h"

enum { OPERANDS = 5 };

/* A formula, the same with letters alone and an arrow (NULL: it is), and the lengths of the axes, digit by digit. In
   the second form an axis of length 1 broadcasts. */
typedef struct {
    const char *formula, *plain, *lengths;
} example;

static const example examples[] = {
    {"ij,jk->ik", NULL, "23,34"},
    {"ij,kj->ik", NULL, "23,43"},
    {"ji,jk->ik", NULL, "32,34"},
    {"ji,kj->ik", NULL, "32,43"},
    {"ij,jk->ki", NULL, "23,34"},
    {"ij,jk", "ij,jk->ik", "23,34"},
    {"ji,kj", "ji,kj->ik", "32,43"},
    {" i j , j k -> i k ", "ij,jk->ik", "23,34"},
    {"bij,bjk->bik", NULL, "223,234"},
    {"bij,bkj->bik", NULL, "223,243"},
    {"bij,jk->bik", NULL, "223,34"},
    {"ij,bjk->bik", NULL, "23,234"},
    {"bij,bjk->ikb", NULL, "223,234"},
    {"bij,bjk->ik", NULL, "223,234"},
    {"bij,bjk->b", NULL, "223,234"},
    {"bij,bjk->bijk", NULL, "223,234"},
    {"ibj,jbk->ibk", NULL, "223,324"},
    {"bhqd,bhkd->bhqk", NULL, "2232,2242"},
    {"bhqk,bhkd->bhqd", NULL, "2234,2243"},
    {"bqhd,bkhd->bhqk", NULL, "2322,2422"},
    {"bhqk,bkhd->bqhd", NULL, "2234,2423"},
    {"ii->i", NULL, "33"},
    {"ii", "ii->", "33"},
    {"iij->ij", NULL, "332"},
    {"iji->j", NULL, "323"},
    {"iii->i", NULL, "333"},
    {"ijij->ij", NULL, "2323"},
    {"ij->ji", NULL, "23"},
    {"ij->ij", NULL, "23"},
    {"ba", "ba->ab", "23"},
    {"bA", "bA->Ab", "23"},
    {"ij->", NULL, "23"},
    {"ij->j", NULL, "23"},
    {"ijk->kj", NULL, "234"},
    {"i,j->ij", NULL, "2,3"},
    {"i,j->ji", NULL, "2,3"},
    {"i,j", "i,j->ij", "2,3"},
    {"i,i->", NULL, "3,3"},
    {"i,i->i", NULL, "3,3"},
    {"i,i", "i,i->", "3,3"},
    {"i,j->", NULL, "2,3"},
    {"ij,ij->", NULL, "23,23"},
    {"ij,ji->", NULL, "23,32"},
    {"ij,ij->i", NULL, "23,23"},
    {"ij,ij->ji", NULL, "23,23"},
    {"j,ij->ij", NULL, "3,23"},
    {"ij,j->i", NULL, "23,3"},
    {"i,ij->j", NULL, "2,23"},
    {"bi,bij,bj->b", NULL, "22,223,23"},
    {"i,ij,j", "i,ij,j->", "2,23,3"},
    {"ij,jk,kl->il", NULL, "23,34,42"},
    {"ijk,jil->kl", NULL, "234,322"},
    {"ijk,jil->lk", NULL, "234,322"},
    {"ijk,klj->il", NULL, "234,423"},
    {"ijk,il,jm,kn->lmn", NULL, "234,22,33,42"},
    {"ab,bc,cd,de,ea->", NULL, "23,32,22,23,32"},
    {"ij,ik->ijk", NULL, "23,24"},
    {"ii,ij->j", NULL, "33,32"},
    {"iij,jkk->ik", NULL, "223,322"},
    {"ij,k->j", NULL, "23,4"},
    {"->", NULL, ""},
    {",->", NULL, ","},
    {",", ",->", ","},
    {"i,->i", NULL, "3,"},
    {",ij->ji", NULL, ",23"},
    {"i,j,->ji", NULL, "2,3,"},
    {"...ij,...jk->...ik", "abij,abjk->abik", "2323,2334"},
    {"...ij,...jk->...ik", "abij,bjk->abik", "2323,334"},
    {"...ij,...jk->...ik", "abij,abjk->abik", "2123,1334"},
    {"...ij,jk->...ik", "abij,jk->abik", "2323,34"},
    {"...ij,...jk", "ij,jk->ik", "23,34"},
    {"...ii->...i", "aii->ai", "233"},
    {"...ii", "aii->a", "233"},
    {"i...->...i", "iab->abi", "234"},
    {"i...j->...", "iabj->ab", "2342"},
    {"...", "ab->ab", "23"},
    {"...,...", "ab,b->ab", "31,4"},
    {"...i,...i->...", "abi,bi->ab", "233,33"},
    {"i...,i...->...", "ia,ia->a", "23,21"},
    {"i->...i", "i->i", "3"},
    {"...i,j->...ij", "abi,j->abij", "232,3"},
    {"a...b,b...c->a...c", "axb,bxc->axc", "232,234"},
    {"ij,jk->ik", NULL, "03,34"},
    {"ij,jk->ik", NULL, "20,04"},
    {"bij,bjk->bik", NULL, "023,034"},
    {"bij,bjk->bik", NULL, "220,204"},
    {"i,j->ij", NULL, "0,3"},
    {"ij->i", NULL, "20"},
    {"ii->i", NULL, "00"},
    {"i,i->", NULL, "0,0"},
    {"...i,...i->...", "ai,ai->a", "03,13"},
};
enum { EXAMPLES = sizeof examples / sizeof *examples };

/* The letters of each operand of a plain formula, and of its output. */
static int terms_of(const char *plain, char terms[OPERANDS + 1][9])
{
    int count = 0, length = 0;
    for (const char *at = plain; *at; at++) {
        if (*at == ',' || *at == '-') {
            terms[count++][length] = '\0';
            length = 0;
        } else if (*at != '>') {
            terms[count][length++] = *at;
        }
    }
    terms[count][length] = '\0';
    return count;
}

static int operands_of(const char *lengths, uint64_t seed, naive *x)
{
    int count = 1;
    x[0].shape = WG_SCALAR;
    for (const char *at = lengths; *at; at++) {
        if (*at == ',')
            x[count++].shape = WG_SCALAR;
        else
            x[count - 1].shape.dim[x[count - 1].shape.rank++] = *at - '0';
    }
    for (int i = 0; i < count; i++) x[i] = naive_random(x[i].shape, -2, 2, false, &seed);
    return count;
}

/* The place of a term's axes in its tensor, given the number that each letter stands for. */
static int64_t term_place(const char *term, wg_shape shape, const int64_t *number)
{
    int64_t index[WG_MAX_RANK];
    for (int i = 0; i < shape.rank; i++) index[i] = shape.dim[i] == 1 ? 0 : number[(int)term[i]];
    return naive_place(shape, index);
}

static naive naive_einsum(const char *plain, const naive *x, int count)
{
    char terms[OPERANDS + 1][9];
    int64_t length[128], number[128] = {0}, rounds = 1;
    naive y = {.shape = {0}};
    cr_assert_eq(terms_of(plain, terms), count, "%s", plain);
    for (int letter = 0; letter < 128; letter++) length[letter] = 1;
    for (int k = 0; k < count; k++)
        for (int i = 0; i < x[k].shape.rank; i++)
            if (x[k].shape.dim[i] != 1) length[(int)terms[k][i]] = x[k].shape.dim[i];
    for (const char *at = terms[count]; *at; at++) y.shape.dim[y.shape.rank++] = length[(int)*at];
    for (int letter = 0; letter < 128; letter++) rounds *= length[letter];
    for (int64_t round = 0; round < rounds; round++) {
        double product = 1;
        int64_t rest = round;
        for (int letter = 0; letter < 128; letter++) {
            number[letter] = rest % length[letter];
            rest /= length[letter];
        }
        for (int k = 0; k < count; k++) product *= x[k].v[term_place(terms[k], x[k].shape, number)];
        y.v[term_place(terms[count], y.shape, number)] += product;
    }
    return y;
}

static void try_example(wg_type type, const example *e)
{
    static naive x[OPERANDS];
    wg_context *ctx = reference_context(type);
    wg_tensor t[OPERANDS];
    int count = operands_of(e->lengths, 61, x);
    wg_list list = {(size_t)count, t};
    for (int k = 0; k < count; k++) t[k] = tensor_of(ctx, type, &x[k]);
    naive want = naive_einsum(e->plain ? e->plain : e->formula, x, count);
    wg_tensor y = wg_einsum(e->formula, list);
    expect_values(y, &want, type == WG_F32 ? 3e-6 : 1e-14, "einsum %s of %s", e->formula, e->lengths);
    if (type == WG_F64 && wg_size(y) > 0) {
        wg_tensor loss = weighted_sum(wg_square(y), 1);
        expect_gradcheck(loss, list, "einsum %s of %s", e->formula, e->lengths);
        expect_gradcheck(weighted_sum(wg_grad(loss, t[0]), 2), list, "einsum %s of %s, second", e->formula, e->lengths);
    }
    cr_expect(!wg_failed(ctx), "einsum %s: %s", e->formula, wg_error(ctx));
    wg_context_free(ctx);
}

Test(einsum, formulas)
{
    reference_begin();
    for (wg_type type = WG_F32; type <= WG_F64; type++)
        for (int i = 0; i < EXAMPLES; i++) try_example(type, &examples[i]);
    reference_end(reference_context(WG_F32), "einsum");
}

/* Operands that are one and the same, and parameters. */
Test(einsum, operands_of_other_kinds)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F64);
    wg_tensor w = wg_parameter(ctx, "w", WG_SHAPE(2, 3), wg_init_normal(1));
    naive x[2] = {naive_of(w), naive_of(w)}, want = naive_einsum("ij,kj->ik", x, 2);
    expect_values(wg_einsum("ij,kj->ik", WG_LIST(w, w)), &want, 1e-14, "w w^T");
    expect_values(wg_einsum("ij", WG_LIST(w)), &x[0], 0, "w itself");
    wg_tensor before = wg_einsum("ij->ij", WG_LIST(w));
    wg_assign(w, wg_neg(w));
    expect_values(before, &x[0], 0, "w before it was assigned");
    reference_end(ctx, "other operands");
}

/* ---- what it records ---- */

static int count_ops(wg_tensor y, const char *op)
{
    wg_graph *graph = wg_graph_new(WG_LIST(y));
    int count = 0;
    for (size_t i = 0; i < wg_graph_size(graph); i++) count += strcmp(wg_graph_node(graph, i).op, op) == 0;
    return count;
}

/* One product where rows meet columns, none else; and axes that lie right are not moved. */
Test(einsum, lowering)
{
    static const struct {
        const char *formula, *lengths;
        int products, permutes, sums;
    } cases[] = {
        {"ij,jk->ik", "23,34", 1, 0, 0},
        {"ij,kj->ik", "23,43", 1, 0, 0},
        {"ji,jk->ik", "32,34", 1, 0, 0},
        {"ij,jk->ki", "23,34", 1, 0, 0}, /* k j times j i */
        {"bij,bjk->bik", "223,234", 1, 0, 0},
        {"bij,bkj->bik", "223,243", 1, 0, 0},
        {"bij,jk->bik", "223,34", 1, 0, 0},
        {"bhqd,bhkd->bhqk", "2232,2242", 1, 0, 0},
        {"bhqk,bhkd->bhqd", "2234,2243", 1, 0, 0},
        {"...ij,...jk->...ik", "2323,2334", 1, 0, 0},
        {"bqhd,bkhd->bhqk", "2322,2422", 1, 2, 0},
        {"ij,jk,kl->il", "23,34,42", 2, 0, 0},
        {"i,j->ij", "2,3", 0, 0, 0},
        {"bi,bi->b", "23,23", 0, 0, 1},
        {"ij,k->j", "23,4", 0, 0, 2},
        {"ij->ji", "23", 0, 1, 0},
        {"ij->ij", "23", 0, 0, 0},
        {"ii->i", "33", 0, 0, 0},
        {"i,ij->j", "2,23", 1, 0, 0},
    };
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    static naive x[OPERANDS];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wg_tensor t[OPERANDS];
        int count = operands_of(cases[i].lengths, 67, x);
        for (int k = 0; k < count; k++) t[k] = tensor_of(ctx, WG_F32, &x[k]);
        wg_tensor y = wg_einsum(cases[i].formula, (wg_list){(size_t)count, t});
        int products = count_ops(y, "matmul"), permutes = count_ops(y, "permute"), sums = count_ops(y, "sum");
        reference_check(products == cases[i].products && permutes == cases[i].permutes && sums == cases[i].sums,
                        "%s is %d products, %d permutes, %d sums", cases[i].formula, products, permutes, sums);
    }
    reference_end(ctx, "lowering");
}

/* The pair with the smallest product first: a chain of matrices begins at its thin end. */
Test(einsum, order)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    wg_tensor a = wg_ones(ctx, WG_SHAPE(90, 80)), b = wg_ones(ctx, WG_SHAPE(80, 70)), c = wg_ones(ctx, WG_SHAPE(70, 2));
    wg_graph *graph = wg_graph_new(WG_LIST(wg_einsum("ij,jk,kl->il", WG_LIST(a, b, c))));
    int products = 0;
    for (size_t i = 0; i < wg_graph_size(graph); i++) {
        wg_node item = wg_graph_node(graph, i);
        if (strcmp(item.op, "matmul") != 0) continue;
        products++;
        reference_check(wg_shape_size(item.shape) == (products == 1 ? 160 : 180), "product %d is %s", products,
                        shape_name(item.shape));
    }
    reference_check(products == 2, "%d products", products);
    reference_end(ctx, "order");
}

/* ---- errors ---- */

Test(einsum, errors)
{
    static const struct {
        const char *formula, *lengths;
        wg_status status;
        const char *words;
    } cases[] = {
        {NULL, "2", WG_BAD_ARGUMENT, "einsum: the formula is empty"},
        {"", "2", WG_BAD_ARGUMENT, "einsum: the formula is empty"},
        {"  ", "2", WG_BAD_ARGUMENT, "einsum: the formula is empty"},
        {"ij,jk->ik", "23,44", WG_BAD_SHAPE, "einsum: \"ij,jk->ik\": j has length 3 in operand 0, 4 in operand 1"},
        {"ij,jk->ik", "21,34", WG_BAD_SHAPE, "j has length 1 in operand 0, 3 in operand 1"},
        {"ii->i", "23", WG_BAD_SHAPE, "i has length 2 in operand 0, 3 in operand 0"},
        {"...i,...i->i", "23,43", WG_BAD_SHAPE, "an axis of the ellipsis has length 2 in operand 0, 4 in operand 1"},
        {"ij->ik", "23", WG_BAD_ARGUMENT, "\"ij->ik\": a letter of the output in no operand k"},
        {"ij->ii", "23", WG_BAD_ARGUMENT, "a letter twice in the output i"},
        {"ij,jk->ik", "23", WG_BAD_ARGUMENT, "\"ij,jk->ik\" is about 2 operands, given are 1"},
        {"ij->ij", "23,34", WG_BAD_ARGUMENT, "is about 1 operands, given are 2"},
        {"i", "23", WG_BAD_SHAPE, "\"i\": 1 letters for operand 0, which is [2, 3]"},
        {"ij,jkl", "23,34", WG_BAD_SHAPE, "3 letters for operand 1, which is [3, 4]"},
        {"ijklmnopqrst", "23", WG_BAD_SHAPE, "12 letters for operand 0"},
        {"...ijk", "23", WG_BAD_SHAPE, "3 letters for operand 0"},
        {"i...j...", "23", WG_BAD_ARGUMENT, "two ellipses in operand 0"},
        {"...i->...i...", "23", WG_BAD_ARGUMENT, "two ellipses in the output"},
        {"...i->i", "23", WG_BAD_ARGUMENT, "the output has no ellipsis for that of the operands"},
        {"ij->i->j", "23", WG_BAD_ARGUMENT, "a second output"},
        {"ij->i,j", "23", WG_BAD_ARGUMENT, "a second output"},
        {"i1,jk", "23,34", WG_BAD_ARGUMENT, "'1' is no letter, comma, arrow or ellipsis"},
        {"ij->i%", "23", WG_BAD_ARGUMENT, "'%' is no letter"},
        {"ij,j&", "23", WG_BAD_ARGUMENT, "'&' is no letter"},
        {"i..j", "23", WG_BAD_ARGUMENT, "'.' is no letter"},
        {"ij - > ji", "23", WG_BAD_ARGUMENT, "'-' is no letter"},
        {"abcde,fghij", "11111,11111", WG_BAD_SHAPE, "the output has 10 axes, more than 8"},
        {"abcde,efghi->ia", "22222,22222", WG_OK, ""},
        {"abcde,ebfghi,ci->a", "11111,111111,11", WG_OK, ""},
        {"abcde,efghi,abcdfghi->", "11111,11111,11111111", WG_OK, ""},
        {"abcdez,zfghi,abcdefghi->", "111111,11111,111111111", WG_BAD_SHAPE, "9 letters"},
    };
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wg_tensor t[OPERANDS];
        int count = 0;
        wg_shape shape = {0};
        for (const char *at = cases[i].lengths;; at++) {
            if (*at && *at != ',') {
                if (shape.rank < WG_MAX_RANK) shape.dim[shape.rank++] = *at - '0';
                continue;
            }
            t[count++] = wg_ones(ctx, shape);
            shape.rank = 0;
            if (!*at) break;
        }
        wg_tensor y = wg_einsum(cases[i].formula, (wg_list){(size_t)count, t});
        reference_check(wg_error_status(ctx) == cases[i].status && !y.id == (cases[i].status != WG_OK),
                        "einsum %s: status %d: %s", cases[i].formula, (int)wg_error_status(ctx), wg_error(ctx));
        reference_check(strstr(wg_error(ctx), cases[i].words) != NULL, "\"%s\" does not say \"%s\"", wg_error(ctx),
                        cases[i].words);
        wg_recover(ctx);
    }
    wg_tensor f32 = wg_ones(ctx, WG_SHAPE(2)), i32 = wg_full_typed(ctx, WG_I32, WG_SHAPE(2), 1);
    wg_einsum("i,i", WG_LIST(f32, wg_cast(f32, WG_F64)));
    reference_check(strstr(wg_error(ctx), "element types differ: f32 and f64") && strstr(wg_error(ctx), "wg_cast"),
                    "%s", wg_error(ctx));
    wg_recover(ctx);
    i32 = wg_full_typed(ctx, WG_I32, WG_SHAPE(2), 1);
    wg_einsum("i,i", WG_LIST(i32, i32));
    reference_check(strstr(wg_error(ctx), "einsum: works on floats, not i32") != NULL, "%s", wg_error(ctx));
    wg_recover(ctx);
    wg_einsum("i", (wg_list){0, NULL});
    reference_check(strstr(wg_error(NULL), "the list is empty") != NULL, "%s", wg_error(NULL));
    wg_recover(NULL);
    reference_end(ctx, "einsum's errors");
}

/* Two operands may have more axes together than a tensor may. */
Test(einsum, too_many_axes)
{
    reference_begin();
    wg_context *ctx = reference_context(WG_F32);
    wg_tensor a = wg_ones(ctx, WG_SHAPE(1, 1, 1, 1, 1)), b = wg_ones(ctx, WG_SHAPE(1, 1, 1, 1, 1));
    wg_tensor c = wg_ones(ctx, WG_SHAPE(1, 1, 1, 1, 1, 1)), d = wg_ones(ctx, WG_SHAPE(1, 1, 1, 1));
    wg_einsum("abcde,fghij,abcdef,ghij->", WG_LIST(a, b, c, d));
    reference_check(!wg_failed(ctx), "%s", wg_error(ctx)); /* the small pairs come first */
    a = wg_ones(ctx, WG_SHAPE(1, 1, 1, 1, 1)), b = wg_ones(ctx, WG_SHAPE(1, 1, 1, 1, 1));
    c = wg_ones(ctx, WG_SHAPE(1, 1, 1, 1, 1));
    wg_einsum("abcde,fghij,klmno->", WG_LIST(a, b, c));
    reference_check(!wg_failed(ctx), "%s", wg_error(ctx)); /* all are summed alone */
    wg_shape eight = {8, {1, 1, 1, 1, 1, 1, 1, 2}};
    a = wg_ones(ctx, eight), b = wg_ones(ctx, eight), c = wg_ones(ctx, eight);
    wg_einsum("abcdefgh,abcdefgi,abcdefgj->hij", WG_LIST(a, b, c));
    reference_check(wg_error_status(ctx) == WG_BAD_SHAPE && strstr(wg_error(ctx), "has 9 axes, more than 8"), "%s",
                    wg_error(ctx));
    wg_recover(ctx);
    reference_end(ctx, "too many axes");
}
