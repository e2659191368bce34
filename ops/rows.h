/* The op of every row of the two tables: ops_exp, ops_matmul, ... */
#ifndef OPS_ROWS_H
#define OPS_ROWS_H

#include <wengert/op.h>

#define UNARY(name, ...) extern const wg_op ops_##name;
#define BINARY(name, ...) extern const wg_op ops_##name;
#define STRUCTURED(name, ...) extern const wg_op ops_##name;
#include "ops/elementwise.def"
#include "ops/structured.def"
#undef UNARY
#undef BINARY
#undef STRUCTURED

/* Unary float rows that state more than 1 ULP in f32 are computed in f64 and rounded once in contexts with the option
   `precise`. FOR_PRECISE is an expansion for all rows that this may concern, IF_PRECISE the function for those that it
   does, else NULL. */
#define FOR_PRECISE(types, result, ...) FOR_PRECISE_##types##_##result(__VA_ARGS__)
#define FOR_PRECISE_FLOAT_SAME(...) __VA_ARGS__
#define FOR_PRECISE_NUMBER_SAME(...) __VA_ARGS__
#define FOR_PRECISE_FLOAT_BOOL(...)
#define FOR_PRECISE_LOGIC_BOOL(...)
#define IF_PRECISE(types, result, ulp, function) IF_PRECISE_##types##_##result(ulp, function)
#define IF_PRECISE_FLOAT_SAME(ulp, function) ((ulp) > 1 ? (function) : NULL)
#define IF_PRECISE_NUMBER_SAME IF_PRECISE_FLOAT_SAME
#define IF_PRECISE_FLOAT_BOOL(ulp, function) NULL
#define IF_PRECISE_LOGIC_BOOL(ulp, function) NULL

#endif
