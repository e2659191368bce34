/* A stand-in for Criterion's everyday macros. All tests of a program run in one process, in the order they are written,
   so that sanitizers and valgrind see them and the exit status counts. A failed cr_assert leaves its test, a failed
   cr_expect goes on; each takes a printf-style message after its operands. */
#ifndef TESTS_PLAIN_H
#define TESTS_PLAIN_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

typedef struct plain_test {
    const char *name;
    void (*run)(void);
    struct plain_test *next;
} plain_test;

void plain_register(plain_test *test);
/* Notes a failure; leaves the test if `fatal`. `text` stands in for an empty message. */
void plain_failed(bool fatal, const char *file, int line, const char *text, const char *message, ...);

#define Test(suite, name)                                                         \
    static void suite##_##name##_run(void);                                       \
    __attribute__((constructor)) static void suite##_##name##_register(void)      \
    {                                                                             \
        static plain_test test = {#suite "::" #name, suite##_##name##_run, NULL}; \
        plain_register(&test);                                                    \
    }                                                                             \
    static void suite##_##name##_run(void)

/* Operands come first, then perhaps a message: an empty one is appended, so that there always is one. */
#define PLAIN_CHECK(fatal, passed, text, ...) \
    ((passed) ? (void)0 : plain_failed(fatal, __FILE__, __LINE__, text, __VA_ARGS__))
#define PLAIN_1(fatal, check, text, a, ...) PLAIN_CHECK(fatal, check(a), text, __VA_ARGS__)
#define PLAIN_2(fatal, check, text, a, b, ...) PLAIN_CHECK(fatal, check(a, b), text, __VA_ARGS__)
#define PLAIN_3(fatal, check, text, a, b, c, ...) PLAIN_CHECK(fatal, check(a, b, c), text, __VA_ARGS__)

#define PLAIN_TRUE(a) (a)
#define PLAIN_NOT(a) (!(a))
#define PLAIN_EQ(a, b) ((a) == (b))
#define PLAIN_NEQ(a, b) ((a) != (b))
#define PLAIN_LT(a, b) ((a) < (b))
#define PLAIN_LEQ(a, b) ((a) <= (b))
#define PLAIN_GT(a, b) ((a) > (b))
#define PLAIN_GEQ(a, b) ((a) >= (b))
#define PLAIN_NULL(a) ((a) == NULL)
#define PLAIN_NOT_NULL(a) ((a) != NULL)
#define PLAIN_STR_EQ(a, b) (strcmp((a), (b)) == 0)
#define PLAIN_STR_NEQ(a, b) (strcmp((a), (b)) != 0)
#define PLAIN_FLOAT_EQ(a, b, c) (fabs((double)(a) - (double)(b)) <= (double)(c)) /* false for a NaN */

#define cr_assert(...) PLAIN_1(true, PLAIN_TRUE, #__VA_ARGS__, __VA_ARGS__, "")
#define cr_assert_not(...) PLAIN_1(true, PLAIN_NOT, "not " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_assert_eq(...) PLAIN_2(true, PLAIN_EQ, "equal: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_assert_neq(...) PLAIN_2(true, PLAIN_NEQ, "not equal: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_assert_lt(...) PLAIN_2(true, PLAIN_LT, "less: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_assert_leq(...) PLAIN_2(true, PLAIN_LEQ, "less or equal: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_assert_gt(...) PLAIN_2(true, PLAIN_GT, "greater: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_assert_geq(...) PLAIN_2(true, PLAIN_GEQ, "greater or equal: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_assert_null(...) PLAIN_1(true, PLAIN_NULL, "null: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_assert_not_null(...) PLAIN_1(true, PLAIN_NOT_NULL, "not null: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_assert_str_eq(...) PLAIN_2(true, PLAIN_STR_EQ, "equal texts: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_assert_str_neq(...) PLAIN_2(true, PLAIN_STR_NEQ, "different texts: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_assert_float_eq(...) PLAIN_3(true, PLAIN_FLOAT_EQ, "equal within: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_assert_fail(...) plain_failed(true, __FILE__, __LINE__, "failed", __VA_ARGS__)

#define cr_expect(...) PLAIN_1(false, PLAIN_TRUE, #__VA_ARGS__, __VA_ARGS__, "")
#define cr_expect_not(...) PLAIN_1(false, PLAIN_NOT, "not " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_expect_eq(...) PLAIN_2(false, PLAIN_EQ, "equal: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_expect_neq(...) PLAIN_2(false, PLAIN_NEQ, "not equal: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_expect_lt(...) PLAIN_2(false, PLAIN_LT, "less: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_expect_leq(...) PLAIN_2(false, PLAIN_LEQ, "less or equal: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_expect_gt(...) PLAIN_2(false, PLAIN_GT, "greater: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_expect_geq(...) PLAIN_2(false, PLAIN_GEQ, "greater or equal: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_expect_null(...) PLAIN_1(false, PLAIN_NULL, "null: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_expect_not_null(...) PLAIN_1(false, PLAIN_NOT_NULL, "not null: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_expect_str_eq(...) PLAIN_2(false, PLAIN_STR_EQ, "equal texts: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_expect_str_neq(...) PLAIN_2(false, PLAIN_STR_NEQ, "different texts: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_expect_float_eq(...) PLAIN_3(false, PLAIN_FLOAT_EQ, "equal within: " #__VA_ARGS__, __VA_ARGS__, "")
#define cr_expect_fail(...) plain_failed(false, __FILE__, __LINE__, "failed", __VA_ARGS__)

#endif
