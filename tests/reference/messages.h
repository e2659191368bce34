/* Wrong calls and what is said of them; in messages.c. */
#ifndef TESTS_MESSAGES_H
#define TESTS_MESSAGES_H

#include "tests/reference/reference.h"

/* Checks the error and forgets it, with the tape. `words` are all to be found in the text, separated by |. */
void expect_error(wg_context *ctx, wg_tensor y, const char *op, wg_status status, const char *words);
/* Some tensor. */
wg_tensor message_tensor(wg_context *ctx, wg_type type, wg_shape shape);
#define T(type, ...) message_tensor(ctx, WG_##type, WG_SHAPE(__VA_ARGS__))

#endif
